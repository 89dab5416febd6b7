// ExporterRecording: what one real exporter answered, second after second, and Playback, which
// makes many instances out of it.
//
// An instance walks to and fro over the recording from a place of its own. Its counters add what
// the recorded ones added on the way, times the instance's rate and its slowly changing load; its
// gauges stand at the recorded level times a factor and swing about it as recorded, times the load.
// Results are rounded to the recorded series' own decimals and granule (hundredths of a second,
// pages, sectors), so that they compress neither better nor worse than an exporter's.
//
// File: "#@ TIME_MS LENGTH\n" and LENGTH bytes of the text format, repeated.
//
// Threads: a recording is read by any number, a Playback by one at a time, while the recording
// lives. Errors: kInvalidArgument for text that cannot be parsed or fewer than 3 answers.
#ifndef SLOWBURN_BENCH_EXPORTER_RECORDING_H_
#define SLOWBURN_BENCH_EXPORTER_RECORDING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/random.h"

namespace slowburn::bench {

using LabelPairs = std::vector<std::pair<std::string, std::string>>;

struct RecordedSeries {
  enum class Kind : uint8_t { kFixed, kCounter, kGauge };
  LabelPairs labels;  // sorted by name
  Kind kind = Kind::kFixed;
  int decimals = -1;   // values are whole multiples of 10^-decimals; -1: of nothing
  double scale = 1;    // 10^decimals
  double granule = 1;  // and of this many such units
  std::vector<double> values;
  std::vector<double> risen;  // of a counter: units added since the first value
};

struct ExporterRecording {
  // Keeps the series whose name begins with `prefix` and that are in each answer.
  static absl::StatusOr<ExporterRecording> Load(const std::string& path, std::string_view prefix);

  int64_t interval_ms = 0;
  int64_t rows = 0;
  std::vector<RecordedSeries> series;
};

class Playback {
 public:
  Playback(const ExporterRecording& recording, Random& random);

  // To the row `step_ms` later.
  void Advance(int64_t step_ms, Random& random);

  struct State {
    double value = 0;  // of a counter: units so far
    double factor = 1;
  };
  State Start(const RecordedSeries& series, Random& random) const;
  double Next(const RecordedSeries& series, State& state) const;

 private:
  double Risen(const RecordedSeries& series, int64_t place) const;

  const ExporterRecording* recording_;
  int64_t before_ = 0, place_ = 0;  // unfolded: each pass over the recording is rows-1 long
  double rate_ = 1, load_ = 1;
};

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_EXPORTER_RECORDING_H_
