// A data directory opened for one command, and how far it got.
//
// Threads: one. Errors of Open: as tsdb::Db::Open's, kNotFound when it is no data directory.
#ifndef SLOWBURN_APP_OPEN_DIRECTORY_H_
#define SLOWBURN_APP_OPEN_DIRECTORY_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "prometheus/registry.h"
#include "tsdb/db.h"

namespace slowburn::app {

using Progress = std::function<void(uint64_t done, uint64_t total)>;

// A line for each tenth of what takes long enough to be watched. `out` may be null, and outlives
// what is returned.
Progress ReportTo(std::FILE* out, const char* what);

// The Db with what it needs beside its options.
struct OpenDirectory {
  base::RealClock clock;
  prometheus::Registry registry;
  std::unique_ptr<tsdb::Db> db;

  absl::Status Open(const std::string& path, std::FILE* progress);
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_OPEN_DIRECTORY_H_
