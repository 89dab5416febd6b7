// What this process has used so far: for benchmarks whose work is done by several threads.
#ifndef SLOWBURN_BENCH_OWN_PROCESS_H_
#define SLOWBURN_BENCH_OWN_PROCESS_H_

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace slowburn {

// User and system time of all threads.
inline double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& tv) {
    return static_cast<double>(tv.tv_sec) + 1e-6 * static_cast<double>(tv.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace slowburn

#endif  // SLOWBURN_BENCH_OWN_PROCESS_H_
