// The same echo of streams by io_uring: receives that stay armed and pick their buffer themselves, and one system
// call a turn for all sends and the wait. It answers what a loop on io_uring instead of epoll could gain at most.
//
//   apt install liburing-dev
//   g++ -std=c++20 -O2 -o io_uring benchmarks/loop/floor/io_uring.cpp -luring
//   taskset -c 0 ./io_uring tcp 40000 PYTHON benchmarks/loop/client.py {} 1024 40000 --cpu 1
#include <liburing.h>
#include <sys/mman.h>

#include <cstdint>

#include "harness.hpp"

namespace {

using namespace floor_benchmark;

constexpr unsigned kBuffers = 4096;
constexpr unsigned kBufferSize = 16 * 1024;

enum class Operation : std::uint8_t { kAccept, kReceive, kSend };

std::uint64_t pack(Operation operation, unsigned buffer, int fd) {
  return static_cast<std::uint64_t>(operation) << 56 | static_cast<std::uint64_t>(buffer) << 32 |
         static_cast<std::uint32_t>(fd);
}

class Ring {
 public:
  Ring() : memory_(std::size_t{kBuffers} * kBufferSize) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    parameters.cq_entries = 4 * kBuffers;
    check(io_uring_queue_init_params(kBuffers, &ring_, &parameters), "io_uring_setup");
    void* const shared =
        mmap(nullptr, kBuffers * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (shared == MAP_FAILED) checked(-1, "mmap");
    buffers_ = static_cast<io_uring_buf_ring*>(shared);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(shared);
    registration.ring_entries = kBuffers;
    check(io_uring_register_buf_ring(&ring_, &registration, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(buffers_);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i);
  }

  void accept(int fd) {
    io_uring_sqe* const entry = next();
    io_uring_prep_multishot_accept(entry, fd, nullptr, nullptr, 0);
    io_uring_sqe_set_data64(entry, pack(Operation::kAccept, 0, fd));
  }
  void receive(int fd) {
    io_uring_sqe* const entry = next();
    io_uring_prep_recv(entry, fd, nullptr, 0, 0);
    entry->ioprio |= IORING_RECV_MULTISHOT;
    entry->flags |= IOSQE_BUFFER_SELECT;
    io_uring_sqe_set_data64(entry, pack(Operation::kReceive, 0, fd));
  }
  void send(int fd, unsigned buffer, std::size_t size) {
    io_uring_sqe* const entry = next();
    io_uring_prep_send(entry, fd, at(buffer), size, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(entry, pack(Operation::kSend, buffer, fd));
  }
  void give_back(unsigned buffer) {
    io_uring_buf_ring_add(buffers_, at(buffer), kBufferSize, static_cast<unsigned short>(buffer),
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(buffers_, 1);
  }

  /// Submits, waits, and calls `take(completion)` for all there is. False where nothing came in time.
  template <typename Take>
  bool turn(Take take) {
    io_uring_cqe* completion = nullptr;
    __kernel_timespec time{0, kPollMilliseconds * 1'000'000LL};
    const int result = io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &time, nullptr);
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring_, head, completion) {
      take(*completion);
      ++count;
    }
    io_uring_cq_advance(&ring_, count);
    return result != -ETIME;
  }

 private:
  static void check(int result, const char* what) {
    if (result < 0) throw std::system_error(-result, std::system_category(), what);
  }
  char* at(unsigned buffer) { return &memory_[std::size_t{buffer} * kBufferSize]; }
  io_uring_sqe* next() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  io_uring ring_{};
  io_uring_buf_ring* buffers_ = nullptr;
  std::vector<char> memory_;
};

void serve(const Server& server, Client& client) {
  Ring ring;
  ring.accept(server.fd);
  const auto take = [&](const io_uring_cqe& completion) {
    const auto operation = static_cast<Operation>(completion.user_data >> 56);
    const auto fd = static_cast<int>(static_cast<std::uint32_t>(completion.user_data));
    if (operation == Operation::kAccept) {
      set_no_delay(server.kind, completion.res);
      ring.receive(completion.res);
    } else if (operation == Operation::kSend) {
      ring.give_back(static_cast<unsigned>(completion.user_data >> 32) & 0xFFFFFF);
    } else if (completion.res > 0) {
      ring.send(fd, completion.flags >> IORING_CQE_BUFFER_SHIFT, static_cast<std::size_t>(completion.res));
      if ((completion.flags & IORING_CQE_F_MORE) == 0) ring.receive(fd);
    } else if (completion.res == -ENOBUFS) {
      ring.receive(fd);
    } else {
      close(fd);
    }
  };
  while (ring.turn(take) || !client.has_ended()) {
  }
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv, serve); }
