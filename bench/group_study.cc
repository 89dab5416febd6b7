// group_study [--minutes=N] FILE.rec…: what bench/group_study recorded, in figures.
//
// For each sender: are the samples of one scrape together in one request; do series of one target
// have equal time columns; and what do time columns cost, a column for each series against one for
// all series that have equal ones. Then the same columns with jitter added. The figures of
// docs/decisions/0002-groups.md come from here.
#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "bench/random.h"
#include "ingest/compression.h"
#include "ingest/write_decoder.h"

namespace slowburn::bench {
namespace {

using Column = std::vector<int64_t>;

constexpr size_t kMaxSamples = 10'000'000;
constexpr size_t kXorChunk = 120;  // samples of a chunk of Prometheus
constexpr uint64_t kStaleBits = 0x7ff0000000000002;

struct SeriesTimes {
  uint32_t target = 0;
  Column times;
};

// The samples of one target at one time.
struct Scrape {
  std::map<uint32_t, std::vector<uint32_t>> series_by_request;
  size_t samples = 0;
  int64_t first_arrival_us = INT64_MAX, last_arrival_us = 0;
};

struct Recording {
  size_t requests = 0, samples = 0, stale = 0;
  std::vector<SeriesTimes> series;
  std::map<std::pair<uint32_t, int64_t>, Scrape> scrapes;  // by target and time
  size_t targets = 0;
};

class Reader {
 public:
  absl::StatusOr<Recording> Read(const std::string& path, int64_t minutes) {
    ASSIGN_OR_RETURN(const std::string file, base::ReadFile(path));
    int64_t begin_us = 0;
    for (size_t at = 0; at + 12 <= file.size();) {
      int64_t arrival_us;
      uint32_t size;
      std::memcpy(&arrival_us, file.data() + at, 8);
      std::memcpy(&size, file.data() + at + 8, 4);
      at += 12;
      if (file.size() - at < size) break;  // being written, or cut
      if (begin_us == 0) begin_us = arrival_us;
      if (arrival_us - begin_us > minutes * 60'000'000) break;
      RETURN_IF_ERROR(ReadRequest(std::string_view(file).substr(at, size), arrival_us));
      at += size;
    }
    out_.targets = targets_.size();
    for (SeriesTimes& series : out_.series) std::sort(series.times.begin(), series.times.end());
    return std::move(out_);
  }

 private:
  absl::Status ReadRequest(std::string_view body, int64_t arrival_us) {
    ASSIGN_OR_RETURN(const ingest::ByteBuffer message,
                     ingest::Decompress(ingest::WriteEncoding::kSnappy, body, 1 << 30));
    ingest::WriteDecoder decoder(message.view(), kMaxSamples);
    ingest::WriteBatch batch;
    bool any = false;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, decoder.Next(batch));
      if (!more) break;
      for (const ingest::WriteSeries& series : batch.series) {
        ASSIGN_OR_RETURN(const uint32_t id, SeriesId(series.label_bytes));
        for (uint32_t i = series.samples.begin; i < series.samples.end; ++i) {
          const tsdb::Sample& sample = batch.samples[i];
          if (std::bit_cast<uint64_t>(sample.v) == kStaleBits) {
            ++out_.stale;
            continue;
          }
          any = true;
          ++out_.samples;
          out_.series[id].times.push_back(sample.t);
          Scrape& scrape = out_.scrapes[{out_.series[id].target, sample.t}];
          scrape.series_by_request[static_cast<uint32_t>(out_.requests)].push_back(id);
          ++scrape.samples;
          scrape.first_arrival_us = std::min(scrape.first_arrival_us, arrival_us);
          scrape.last_arrival_us = std::max(scrape.last_arrival_us, arrival_us);
        }
      }
    }
    if (any) ++out_.requests;
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> SeriesId(std::string_view label_bytes) {
    const auto [place, is_new] =
        ids_.try_emplace(std::string(label_bytes), static_cast<uint32_t>(out_.series.size()));
    if (is_new) {
      std::vector<tsdb::LabelView> labels;
      RETURN_IF_ERROR(ingest::DecodeLabels(label_bytes, labels));
      std::string target;
      for (const auto& label : labels) {
        if (label.name == "instance") target = label.value;
      }
      const auto number =
          targets_.try_emplace(target, static_cast<uint32_t>(targets_.size())).first;
      out_.series.push_back({number->second, {}});
    }
    return place->second;
  }

  Recording out_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::unordered_map<std::string, uint32_t> targets_;
};

int64_t Quantile(std::vector<int64_t> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// Equal for equal partitions of the scrape's series by request.
std::vector<std::vector<uint32_t>> Partition(const Scrape& scrape) {
  std::vector<std::vector<uint32_t>> parts;
  for (const auto& [request, series] : scrape.series_by_request) {
    parts.push_back(series);
    std::sort(parts.back().begin(), parts.back().end());
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

void PrintArrival(const Recording& recording) {
  // The first and the last scrape of each target may have been cut by the recording's ends.
  std::map<uint32_t, std::pair<int64_t, int64_t>> ends;
  for (const auto& [key, scrape] : recording.scrapes) {
    auto& [first, last] = ends.try_emplace(key.first, key.second, key.second).first->second;
    last = key.second;
  }
  size_t scrapes = 0, whole = 0, parts = 0, most = 0, same = 0, pairs = 0;
  std::vector<int64_t> spread;
  std::set<uint32_t> requests;
  std::pair<uint32_t, std::vector<std::vector<uint32_t>>> before{UINT32_MAX, {}};
  for (const auto& [key, scrape] : recording.scrapes) {
    const auto& [first, last] = ends[key.first];
    if (key.second == first || key.second == last) continue;
    ++scrapes;
    const size_t n = scrape.series_by_request.size();
    whole += n == 1;
    parts += n;
    most = std::max(most, n);
    for (const auto& [request, series] : scrape.series_by_request) requests.insert(request);
    spread.push_back(scrape.last_arrival_us - scrape.first_arrival_us);
    auto partition = Partition(scrape);
    if (before.first == key.first) {
      ++pairs;
      same += before.second == partition;
    }
    before = {key.first, std::move(partition)};
  }
  if (scrapes == 0 || pairs == 0) return;
  const auto percent = [](size_t part, size_t all) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(all);
  };
  std::printf("  requests %zu, samples a request %.0f, staleness markers %zu\n", recording.requests,
              static_cast<double>(recording.samples) / static_cast<double>(recording.requests),
              recording.stale);
  std::printf(
      "  scrapes %zu: whole in one request %.1f %%; requests a scrape %.2f (most %zu); "
      "scrapes a request %.2f\n",
      scrapes, percent(whole, scrapes), static_cast<double>(parts) / static_cast<double>(scrapes),
      most, static_cast<double>(parts) / static_cast<double>(requests.size()));
  std::printf("  cut into the same parts as the scrape before: %.1f %%\n", percent(same, pairs));
  std::printf("  first to last request of a scrape: median %" PRId64 " ms, p99 %" PRId64 " ms\n",
              Quantile(spread, 0.5) / 1000, Quantile(spread, 0.99) / 1000);
}

uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}

size_t VarintSize(uint64_t value) {
  size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

// Prometheus' chunks: differences of differences in 1, 16, 20, 24 or 68 bits.
double XorBytes(const Column& times) {
  size_t bits = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    const size_t at = i % kXorChunk;
    if (at == 0) {
      bits += 8 * VarintSize(ZigZag(times[i]));
    } else if (at == 1) {
      bits += 8 * VarintSize(static_cast<uint64_t>(times[i] - times[i - 1]));
    } else {
      const int64_t second = times[i] - 2 * times[i - 1] + times[i - 2];
      const auto fits = [&](int width) {
        return second >= -(int64_t{1} << (width - 1)) + 1 && second <= int64_t{1} << (width - 1);
      };
      bits += second == 0 ? 1 : fits(14) ? 16 : fits(17) ? 20 : fits(20) ? 24 : 68;
    }
  }
  return static_cast<double>(bits) / 8;
}

// The least bits for n numbers of one width, wider ones apart with their place.
double PatchedBits(const std::vector<uint64_t>& numbers) {
  constexpr double kPatch = 16 + 32;
  double best = 1e300;
  for (int width = 0; width <= 40; ++width) {
    const auto wider = std::count_if(numbers.begin(), numbers.end(), [&](uint64_t n) {
      return static_cast<int>(std::bit_width(n)) > width;
    });
    best = std::min(
        best, static_cast<double>(numbers.size()) * width + static_cast<double>(wider) * kPatch);
  }
  return best;
}

// A column of ours: start, step, and what is left of each time, or of each step where a gap makes
// that shorter.
double PackedBytes(const Column& times) {
  constexpr double kHead = 8 + 4 + 1 + 2;
  if (times.size() < 2) return kHead;
  std::vector<int64_t> steps;
  for (size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  const int64_t usual = Quantile(steps, 0.5);
  std::vector<int64_t> offsets;
  std::vector<uint64_t> rest, step_rest;
  for (size_t i = 0; i < times.size(); ++i) {
    offsets.push_back(times[i] - times.front() - usual * static_cast<int64_t>(i));
  }
  const int64_t middle = Quantile(offsets, 0.5);
  for (const int64_t offset : offsets) rest.push_back(ZigZag(offset - middle));
  for (const int64_t step : steps) step_rest.push_back(ZigZag(step - usual));
  return kHead + std::min(PatchedBits(rest), PatchedBits(step_rest)) / 8;
}

struct Costs {
  size_t series = 0, samples = 0, columns = 0, in_largest = 0;
  double xor_bytes = 0, packed_bytes = 0, shared_bytes = 0;
};

Costs Measure(const std::vector<SeriesTimes>& all) {
  constexpr double kReference = 2;  // a block names its column by a small number
  Costs costs;
  std::map<Column, size_t> columns;
  std::map<uint32_t, std::map<Column, size_t>> by_target;
  for (const SeriesTimes& series : all) {
    if (series.times.empty()) continue;
    ++costs.series;
    costs.samples += series.times.size();
    costs.xor_bytes += XorBytes(series.times);
    costs.packed_bytes += PackedBytes(series.times);
    costs.shared_bytes += kReference;
    if (++columns[series.times] == 1) costs.shared_bytes += PackedBytes(series.times);
    ++by_target[series.target][series.times];
  }
  costs.columns = columns.size();
  for (const auto& [target, own] : by_target) {
    size_t most = 0;
    for (const auto& [column, count] : own) most = std::max(most, count);
    costs.in_largest += most;
  }
  return costs;
}

void PrintCosts(const char* what, const std::vector<SeriesTimes>& series) {
  const Costs costs = Measure(series);
  if (costs.samples == 0) return;
  const auto per_sample = [&](double bytes) { return bytes / static_cast<double>(costs.samples); };
  std::printf("  %-34s %7zu %8zu %9.2f %% %9.3f %9.3f %9.4f\n", what, costs.series, costs.columns,
              100.0 * static_cast<double>(costs.in_largest) / static_cast<double>(costs.series),
              per_sample(costs.xor_bytes), per_sample(costs.packed_bytes),
              per_sample(costs.shared_bytes));
}

enum class JitterOf : uint8_t { kScrape, kSeries };

std::vector<SeriesTimes> Jittered(std::vector<SeriesTimes> all, int64_t most, JitterOf of) {
  for (size_t i = 0; i < all.size(); ++i) {
    for (int64_t& t : all[i].times) {
      const uint64_t seed = of == JitterOf::kScrape ? all[i].target : 1'000'000 + i;
      Random random(seed << 44 ^ static_cast<uint64_t>(t));
      t += static_cast<int64_t>(random.Below(2 * most + 1)) - most;
    }
  }
  return all;
}

absl::Status Study(const std::string& path, int64_t minutes) {
  ASSIGN_OR_RETURN(const Recording recording, Reader().Read(path, minutes));
  size_t longest = 0;
  for (const SeriesTimes& series : recording.series) {
    longest = std::max(longest, series.times.size());
  }
  std::printf("%s\n  targets %zu, series %zu, samples %zu, rows %zu\n", path.c_str(),
              recording.targets, recording.series.size(), recording.samples, longest);
  PrintArrival(recording);
  std::printf(
      "  time columns, bytes a sample            series  columns in largest     xor   packed    "
      "shared\n");
  const auto& series = recording.series;
  PrintCosts("as recorded", series);
  PrintCosts("each scrape 5 ms early or late", Jittered(series, 5, JitterOf::kScrape));
  PrintCosts("each scrape 200 ms early or late", Jittered(series, 200, JitterOf::kScrape));
  PrintCosts("each sample 5 ms early or late", Jittered(series, 5, JitterOf::kSeries));
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  int64_t minutes = 10;
  for (int i = 1; i < argc; ++i) {
    const std::string text = argv[i];
    if (text.rfind("--minutes=", 0) == 0) {
      if (!absl::SimpleAtoi(text.substr(10), &minutes)) {
        return absl::InvalidArgumentError(text + ": not a number");
      }
      continue;
    }
    RETURN_IF_ERROR(Study(argv[i], minutes));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace slowburn::bench

int main(int argc, char** argv) {
  const absl::Status status = slowburn::bench::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "group_study: %s\n", status.ToString().c_str());
  return 1;
}
