// Threads of our own: named, and none of the process's signals is theirs.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

namespace data_bridge::runtime {

/// Starts a thread that signals are not delivered to (they belong to the thread that knows what to do with them) and
/// that tools show by `name`, of which the kernel keeps 15 bytes. Throws std::system_error where there can be no more.
[[nodiscard]] std::thread start_thread(std::string_view name, std::move_only_function<void()> run);

}  // namespace data_bridge::runtime
