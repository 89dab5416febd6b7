// The experiment of docs/decisions/0001-log.md: RocksDB as the log of commits and as the file of
// blocks, against files of our own. Prints lines of figures.
//
//   build/release/bench/log_study DIR          DIR is made and removed
//   build/release/bench/log_study DIR full     DIR is on a small disk: fills it, makes room again
#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tsdb/commit_record.h"
#include "tsdb/segment_log.h"

namespace slowburn::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRow = 2000, kSeries = 1'000'000, kRounds = 40;

void Check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}
void Check(const rocksdb::Status& status) { Check(status.ok(), status.ToString()); }
void Check(const absl::Status& status) { Check(status.ok(), std::string(status.message())); }

// The records of one round of all series, a third each: constant, small counters, large counters.
class Records {
 public:
  Records() : values_(kSeries, 0) {}
  const std::string& Next() {
    RecordWriter writer;
    for (size_t i = 0; i < kRow; ++i) {
      const size_t series = (next_ + i) % kSeries;
      const uint64_t random = engine_();
      values_[series] += series % 3 == 0   ? 0
                         : series % 3 == 1 ? static_cast<double>(random % 16)
                                           : static_cast<double>(random % 100'000);
      writer.AddSample(static_cast<uint32_t>(series),
                       1'700'000'000'000 + static_cast<TimestampMs>(next_ / kSeries) * 15'000,
                       std::bit_cast<uint64_t>(values_[series]), 0);
    }
    next_ += kRow;
    record_.clear();
    writer.Finish(1, record_);
    return record_;
  }

 private:
  std::vector<double> values_;
  size_t next_ = 0;
  std::mt19937_64 engine_{1};
  std::string record_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& tv) {
    return static_cast<double>(tv.tv_sec) + 1e-6 * static_cast<double>(tv.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double WallSeconds() { return static_cast<double>(base::RealClock().MonotonicNs()) * 1e-9; }

double WrittenBytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "write_bytes:") return static_cast<double>(value);
  }
  return 0;
}

// What stands between the two logs and the experiment.
class Log {
 public:
  virtual ~Log() = default;
  virtual absl::Status Append(uint64_t sequence, const std::string& record) = 0;
  virtual absl::Status Resume() = 0;
  virtual uint64_t Scan() = 0;  // bytes of all records
};

class OwnLog final : public Log {
 public:
  explicit OwnLog(const std::string& path) : log_(*SegmentLog::Open(path)) {}
  absl::Status Append(uint64_t sequence, const std::string& record) override {
    const LogEntry entry{{1, sequence}, record};
    return log_->Append({&entry, 1}, LogSync::kNone);
  }
  absl::Status Resume() override { return log_->Resume(); }
  uint64_t Scan() override {
    uint64_t bytes = 0;
    log_->Scan([&](const LogKey&, std::string_view record) { bytes += record.size(); });
    return bytes;
  }

 private:
  const std::unique_ptr<SegmentLog> log_;
};

// As the first version of this store had it: one blob a request, never compacted.
class RocksLogOfBlobs final : public Log {
 public:
  explicit RocksLogOfBlobs(const std::string& path) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.write_buffer_size = size_t{16} << 20;
    options.max_write_buffer_number = 4;
    options.disable_auto_compactions = true;
    options.level0_slowdown_writes_trigger = options.level0_stop_writes_trigger = 1 << 20;
    rocksdb::BlockBasedTableOptions table;
    table.block_size = size_t{64} << 10;
    table.no_block_cache = true;
    table.format_version = 5;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open(options, path, &db));
    db_.reset(db);
  }
  absl::Status Append(uint64_t sequence, const std::string& record) override {
    std::string key;
    for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(sequence >> shift);
    rocksdb::WriteBatch batch;
    batch.Put(key, record);
    const rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &batch);
    return status.ok() ? absl::OkStatus() : absl::UnavailableError(status.ToString());
  }
  absl::Status Resume() override {
    const rocksdb::Status status = db_->Resume();
    return status.ok() ? absl::OkStatus() : absl::UnavailableError(status.ToString());
  }
  uint64_t Scan() override {
    rocksdb::ReadOptions options;
    options.readahead_size = size_t{2} << 20;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    uint64_t bytes = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) bytes += it->value().size();
    Check(it->status());
    return bytes;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

using OpenLog = std::function<std::unique_ptr<Log>(const std::string& path)>;

// In a process of its own, which kills itself at the end.
void WriteAll(const OpenLog& open, const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    Records records;
    const std::unique_ptr<Log> log = open(path);
    const double written = WrittenBytes();
    double payload = 0, cpu = 0, wall = 0;
    for (uint64_t i = 0; i < kSeries * kRounds / kRow; ++i) {
      const std::string& record = records.Next();
      payload += static_cast<double>(record.size());
      const double begin = CpuSeconds(), begin_wall = WallSeconds();
      Check(log->Append(i + 1, record));
      cpu += CpuSeconds() - begin;
      wall += WallSeconds() - begin_wall;
    }
    // The clock of CPU time goes on for threads in the background while records are made: their
    // share is counted from the whole.
    const double samples = kSeries * kRounds;
    std::printf(
        "  append: %.1f ns of wall, %.1f ns of CPU a sample; %.2f B a sample; %.2f times written\n",
        wall * 1e9 / samples, cpu * 1e9 / samples, payload / samples,
        (WrittenBytes() - written) / payload);
    std::fflush(stdout);
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
}

double CpuOfRecordsAlone() {
  Records records;
  const double begin = CpuSeconds();
  for (uint64_t i = 0; i < kSeries * kRounds / kRow; ++i) records.Next();
  return CpuSeconds() - begin;
}

// All of the process, of which making the records is taken off.
void CpuOfAll(const OpenLog& open, const std::string& path, double alone) {
  const pid_t child = fork();
  if (child == 0) {
    const double begin = CpuSeconds();
    Records records;
    std::unique_ptr<Log> log = open(path);
    for (uint64_t i = 0; i < kSeries * kRounds / kRow; ++i)
      Check(log->Append(i + 1, records.Next()));
    log = nullptr;  // waits for what is still being flushed
    std::printf("  with its background: %.1f ns of CPU a sample\n",
                (CpuSeconds() - begin - alone) * 1e9 / (kSeries * kRounds));
    std::fflush(stdout);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

void StudyLog(const char* name, const OpenLog& open, const std::string& path, double alone) {
  std::printf("%s\n", name);
  std::fflush(stdout);
  // First what is done in processes of their own: RocksDB's threads would not be there in a fork.
  CpuOfAll(open, path, alone);
  fs::remove_all(path);
  WriteAll(open, path);
  for (int round = 0; round < 3; ++round) {
    const double begin = WallSeconds(), cpu = CpuSeconds();
    const std::unique_ptr<Log> log = open(path);
    const double opened = WallSeconds();
    const uint64_t bytes = log->Scan();
    std::printf("  %s: open %.3f s, iterate %.3f s, %.3f s of CPU, %.0f MB\n",
                round == 0 ? "after SIGKILL" : "again", opened - begin, WallSeconds() - opened,
                CpuSeconds() - cpu, static_cast<double>(bytes) * 1e-6);
  }
  fs::remove_all(path);
  std::fflush(stdout);
}

// Fills the disk, is refused, makes room, goes on; no restart.
void StudyFullDisk(const char* name, const OpenLog& open, const std::string& path) {
  fs::create_directories(path);
  const std::string ballast = path + "-ballast";
  std::ofstream(ballast) << std::string(size_t{8} << 20, 'x');
  Records records;
  const std::unique_ptr<Log> log = open(path);
  uint64_t sequence = 0, refused = 0;
  absl::Status status;
  while (status.ok()) status = log->Append(++sequence, records.Next());
  std::printf("%s: full after %llu records: %s\n", name,
              static_cast<unsigned long long>(sequence - 1), std::string(status.message()).c_str());
  for (; refused < 100; ++refused) {
    log->Resume().IgnoreError();
    if (log->Append(++sequence, records.Next()).ok()) break;
  }
  std::printf("  %llu more tries with Resume were refused while it was full\n",
              static_cast<unsigned long long>(refused));
  fs::remove(ballast);
  const double begin = WallSeconds();
  int tries = 0;
  for (status = absl::UnavailableError(""); !status.ok() && tries < 10'000; ++tries) {
    status = log->Resume();
    if (status.ok()) status = log->Append(++sequence, records.Next());
    if (!status.ok()) sched_yield();
  }
  std::printf("  with room again: %s after %d tries, %.3f s\n", status.ok() ? "goes on" : "refused",
              tries, WallSeconds() - begin);
  if (!status.ok()) std::printf("  %s\n", std::string(status.message()).c_str());
}

// Values of 48 KiB, as row groups are, read at random, a word of each page.
void StudyBlocks(const std::string& path) {
  constexpr size_t kValues = 4000, kValueBytes = size_t{48} << 10, kReads = 200'000;
  fs::create_directories(path);
  std::mt19937_64 engine{1};
  std::string value(kValueBytes, '\0');
  for (char& c : value) c = static_cast<char>(engine());
  rocksdb::Options options;
  options.compression = rocksdb::kNoCompression;
  options.allow_mmap_reads = true;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.block_size = 4 << 10;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  const auto key_of = [](uint64_t i) {
    char key[16];
    std::snprintf(key, sizeof(key), "%012llu", static_cast<unsigned long long>(i));
    return std::string(key);
  };
  const std::string sst = path + "/file.sst", plain = path + "/plain";
  double cpu = CpuSeconds();
  {
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options);
    Check(writer.Open(sst));
    for (uint64_t i = 0; i < kValues; ++i) Check(writer.Put(key_of(i), value));
    Check(writer.Finish());
  }
  std::printf("blocks\n  write: SST %.0f us of CPU a value of 48 KiB",
              (CpuSeconds() - cpu) * 1e6 / kValues);
  cpu = CpuSeconds();
  {
    std::ofstream out(plain, std::ios::binary);
    for (uint64_t i = 0; i < kValues; ++i) out << value;
  }
  std::printf(", plain file %.0f us\n", (CpuSeconds() - cpu) * 1e6 / kValues);
  const auto touch = [&](const char* bytes) {
    uint64_t sum = 0;
    for (size_t at = 0; at < kValueBytes; at += 4096) sum += static_cast<unsigned char>(bytes[at]);
    return sum;
  };
  uint64_t sum = 0;
  const auto read_sst = [&](const char* what, bool check, size_t reads) {
    rocksdb::SstFileReader reader(options);
    Check(reader.Open(sst));
    rocksdb::ReadOptions read;
    read.verify_checksums = check;
    read.pin_data = true;
    const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator(read));
    const double begin = CpuSeconds();
    for (size_t i = 0; i < reads; ++i) {
      it->Seek(key_of(engine() % kValues));
      Check(it->Valid(), "no value");
      sum += touch(it->value().data());
    }
    std::printf("  %s: %.2f us of CPU a read\n", what,
                (CpuSeconds() - begin) * 1e6 / static_cast<double>(reads));
  };
  for (int round = 0; round < 2; ++round) {
    read_sst("SST, mapped, pinned, not checked", false, kReads);
    read_sst("SST, mapped, pinned, checked each time", true, kReads / 10);
    const int fd = open(plain.c_str(), O_RDONLY);
    void* const map = mmap(nullptr, kValues * kValueBytes, PROT_READ, MAP_SHARED, fd, 0);
    Check(map != MAP_FAILED, "mmap");
    const double begin = CpuSeconds();
    for (size_t i = 0; i < kReads; ++i)
      sum += touch(static_cast<const char*>(map) + engine() % kValues * kValueBytes);
    std::printf("  plain file, mapped: %.2f us of CPU a read\n",
                (CpuSeconds() - begin) * 1e6 / kReads);
    munmap(map, kValues * kValueBytes);
    close(fd);
  }
  if (sum == 1) std::printf("\n");  // so that it is computed
  fs::remove_all(path);
}

int Main(int argc, char** argv) {
  Check(argc >= 2, "usage: log_study DIR [full]");
  const std::string path = argv[1];
  const OpenLog own = [](const std::string& at) { return std::make_unique<OwnLog>(at); };
  const OpenLog rocks = [](const std::string& at) { return std::make_unique<RocksLogOfBlobs>(at); };
  if (argc > 2) {
    StudyFullDisk("RocksDB", rocks, path + "/rocks");
    fs::remove_all(path + "/rocks");
    StudyFullDisk("segments", own, path + "/own");
    fs::remove_all(path + "/own");
    return 0;
  }
  Check(!fs::exists(path), path + " is there already");
  fs::create_directories(path);
  const double alone = CpuOfRecordsAlone();
  StudyLog("segments", own, path + "/own", alone);
  StudyLog("RocksDB", rocks, path + "/rocks", alone);
  StudyBlocks(path + "/blocks");
  fs::remove_all(path);
  return 0;
}

}  // namespace
}  // namespace slowburn::tsdb

int main(int argc, char** argv) { return slowburn::tsdb::Main(argc, argv); }
