// Files of Prometheus, written by hand from the descriptions of their formats.
#ifndef SLOWBURN_TESTS_TSDB_PROMETHEUS_FILES_H_
#define SLOWBURN_TESTS_TSDB_PROMETHEUS_FILES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/testing/random.h"
#include "tsdb/prometheus/chunk.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

// "1100 01" -> bytes, the last one filled with zeros. Blanks do not count.
std::string Bits(std::string_view digits);
std::string Hex(std::string_view digits);  // "d0 0f" -> bytes

// A folder of its own, removed at the end.
class TempFolder {
 public:
  explicit TempFolder(const std::string& name);
  ~TempFolder();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};
void WriteWhole(const std::string& path, std::string_view bytes);  // and the folders above
std::string ReadWhole(const std::string& path);

// Records of the log.
std::string SeriesRecord(const std::vector<std::pair<uint64_t, Labels>>& series);
struct RefSample {
  uint64_t ref = 0;
  TimestampMs t = 0;
  double v = 0;
};
std::string SamplesRecord(const std::vector<RefSample>& samples);
std::string HistogramRecord(uint64_t ref, TimestampMs t, const Histogram& h);
std::string DeletionRecord(uint64_t ref, TimestampMs min_t, TimestampMs max_t);
std::string ExemplarRecord(uint64_t ref, const Exemplar& exemplar);
std::string MetadataRecord(uint64_t ref, MetricType type, const std::string& help);

enum class Compress { kNone, kSnappy, kZstd };
// A segment: records in pages of 32 KiB.
std::string Segment(const std::vector<std::string>& records, Compress compress = Compress::kNone);

struct ChunkOf {
  uint64_t ref = 0;
  std::vector<Sample> samples;
  bool late = false;
};
std::string HeadChunkFile(const std::vector<ChunkOf>& chunks);

// Floats or histograms of one kind, with all that is odd about them.
struct OneSample {
  TimestampMs t = 0;
  double v = 0;
  HistogramPtr histogram;
};
enum class SeriesKind { kFloats, kIntegers, kFloatHistograms, kCustom, kGauges, kMixed };
std::vector<OneSample> RandomSeries(testing::Random& random, SeriesKind kind, size_t count,
                                    TimestampMs from);
// All bits of it.
std::string TextOf(const OneSample& sample);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TESTS_TSDB_PROMETHEUS_FILES_H_
