// Codecs of sealed columns: time and size per sample of each class of column, at two hours and at a
// day of 15 s samples.
//
//   build/release/bench/value_codec_bench                   all
//   build/release/bench/value_codec_bench --sizes           only the table of sizes
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/tsdb/column_classes.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kTwoHours = 480, kDay = 5760;
constexpr uint64_t kColumns = 32;  // of a class, so that branches are not learned by heart

struct Columns {
  std::vector<std::vector<uint64_t>> bits;
  std::vector<std::string> bytes;
  size_t count = 0, total_bytes = 0;
};

Columns Make(const ColumnClass& kind, size_t count, Temperature temperature) {
  Columns columns;
  columns.count = count;
  for (uint64_t seed = 0; seed < kColumns; ++seed) {
    columns.bits.push_back(ClassColumn(kind, count, seed));
    columns.bytes.emplace_back();
    EncodeValues(columns.bits.back(), temperature, columns.bytes.back());
    columns.total_bytes += columns.bytes.back().size();
  }
  return columns;
}

double BytesPerSample(const Columns& columns) {
  return static_cast<double>(columns.total_bytes) / static_cast<double>(columns.count * kColumns);
}

void Report(benchmark::State& state, const Columns& columns, size_t samples) {
  state.counters["ns_per_sample"] = benchmark::Counter(
      static_cast<double>(samples) * static_cast<double>(state.iterations()) * 1e-9,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_sample"] = BytesPerSample(columns);
}

void Encode(benchmark::State& state, const ColumnClass& kind, size_t count,
            Temperature temperature) {
  const Columns columns = Make(kind, count, temperature);
  std::string out;
  size_t i = 0;
  for (auto _ : state) {
    out.clear();
    EncodeValues(columns.bits[i++ % kColumns], temperature, out);
    benchmark::DoNotOptimize(out.data());
  }
  Report(state, columns, count);
}

void Decode(benchmark::State& state, const ColumnClass& kind, size_t count,
            Temperature temperature) {
  const Columns columns = Make(kind, count, temperature);
  std::vector<double> out(count);
  size_t i = 0;
  for (auto _ : state) {
    if (!DecodeValues(columns.bytes[i++ % kColumns], count, 0, out).ok())
      state.SkipWithError("damaged");
    benchmark::DoNotOptimize(out.data());
  }
  Report(state, columns, count);
}

// The twenty samples of a five-minute window near the end.
void DecodeWindow(benchmark::State& state, const ColumnClass& kind, size_t count) {
  const Columns columns = Make(kind, count, Temperature::kHot);
  std::vector<double> out(20);
  size_t i = 0;
  for (auto _ : state) {
    if (!DecodeValues(columns.bytes[i++ % kColumns], count, count - 50, out).ok())
      state.SkipWithError("damaged");
    benchmark::DoNotOptimize(out.data());
  }
}

void DecodeRegularTimes(benchmark::State& state, int64_t jitter) {
  std::mt19937_64 random(1);
  std::vector<TimestampMs> times;
  for (int64_t i = 0; i < static_cast<int64_t>(kTwoHours); ++i)
    times.push_back(1'700'000'000'000 + i * 15'000 +
                    static_cast<int64_t>(random() % static_cast<uint64_t>(jitter + 1)));
  std::string bytes;
  EncodeTimes(times, Temperature::kHot, bytes);
  for (auto _ : state) {
    if (!DecodeTimes(bytes, times).ok()) state.SkipWithError("damaged");
    benchmark::DoNotOptimize(times.data());
  }
  state.counters["bytes_per_sample"] =
      static_cast<double>(bytes.size()) / static_cast<double>(kTwoHours);
}

void Register() {
  for (const ColumnClass& kind : ColumnClasses()) {
    const auto name = [&kind](const char* what) { return std::string(what) + "/" + kind.name; };
    const auto add = [&](const char* what, auto function, auto... arguments) {
      benchmark::RegisterBenchmark(name(what).c_str(), [=, &kind](benchmark::State& state) {
        function(state, kind, arguments...);
      });
    };
    add("EncodeHot480", Encode, kTwoHours, Temperature::kHot);
    add("EncodeCold5760", Encode, kDay, Temperature::kCold);
    add("DecodeHot480", Decode, kTwoHours, Temperature::kHot);
    add("DecodeCold5760", Decode, kDay, Temperature::kCold);
    add("DecodeWindow5760", DecodeWindow, kDay);
  }
  for (const int64_t jitter : {0, 4, 400}) {
    benchmark::RegisterBenchmark(
        ("DecodeTimes480/" + std::to_string(jitter)).c_str(),
        [jitter](benchmark::State& state) { DecodeRegularTimes(state, jitter); });
  }
}

void PrintSizes() {
  std::printf("%-24s %6s %9s %9s %10s %10s %9s %9s\n", "bytes per sample", "weight", "hot 480",
              "reference", "cold 480", "hot 5760", "cold 5760", "reference");
  double hot = 0, cold = 0, hot_reference = 0, cold_reference = 0;
  for (const ColumnClass& kind : ColumnClasses()) {
    const double hot_480 = BytesPerSample(Make(kind, kTwoHours, Temperature::kHot));
    const double cold_day = BytesPerSample(Make(kind, kDay, Temperature::kCold));
    std::printf("%-24s %6.2f %9.4f %9.3f %10.4f %10.4f %9.4f %9.3f\n", kind.name, kind.weight,
                hot_480, kind.hot_reference,
                BytesPerSample(Make(kind, kTwoHours, Temperature::kCold)),
                BytesPerSample(Make(kind, kDay, Temperature::kHot)), cold_day, kind.cold_reference);
    hot += kind.weight * hot_480;
    cold += kind.weight * cold_day;
    hot_reference += kind.weight * kind.hot_reference;
    cold_reference += kind.weight * kind.cold_reference;
  }
  std::printf("%-24s %6.2f %9.4f %9.3f %10s %10s %9.4f %9.3f\n", "blend", 1.0, hot, hot_reference,
              "", "", cold, cold_reference);
}

}  // namespace
}  // namespace slowburn::tsdb

int main(int argc, char** argv) {
  slowburn::tsdb::PrintSizes();
  if (argc > 1 && std::strcmp(argv[1], "--sizes") == 0) return 0;
  slowburn::tsdb::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
