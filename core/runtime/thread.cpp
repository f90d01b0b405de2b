// Threads of our own: named, and none of the process's signals is theirs.
#include "runtime/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <string>
#include <utility>

namespace data_bridge::runtime {
namespace {

/// A thread inherits the mask of the one that starts it.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

std::thread start_thread(std::string_view name, std::move_only_function<void()> run) {
  const std::string short_name(name.substr(0, 15));
  const SignalsBlocked blocked;
  std::thread thread(std::move(run));
  pthread_setname_np(thread.native_handle(), short_name.c_str());
  return thread;
}

}  // namespace data_bridge::runtime
