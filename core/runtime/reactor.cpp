// epoll, timers, tasks from other threads.
#include "runtime/reactor.hpp"
