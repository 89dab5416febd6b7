// Descriptor: owns a file descriptor and closes it on every way out; errors of close are not seen,
// so sync first what must be on disk.
//
// Threads: one at a time.
#ifndef SLOWBURN_BASE_DESCRIPTOR_H_
#define SLOWBURN_BASE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace slowburn::base {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}  // -1: owns none
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_DESCRIPTOR_H_
