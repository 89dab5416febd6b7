#include "bench/data_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "bench/random.h"
#include "bench/value_model.h"

namespace slowburn::bench {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kMinuteMs = 60'000;
constexpr uint64_t kStaleBits = 0x7ff0000000000002;

std::string EncodeLabels(LabelPairs labels) {
  std::sort(labels.begin(), labels.end());
  std::string out, label;
  for (const auto& [name, value] : labels) {
    label.clear();
    AppendField(label, 1, name);
    AppendField(label, 2, value);
    AppendField(out, 1, label);
  }
  return out;
}

std::string Hex(Random& random, int digits) {
  return absl::StrFormat("%016x", random.Next()).substr(0, digits);
}

struct Series {
  std::string labels;
  std::string_view name;  // of a key in the summary
  int shard = 0;
  bool recent = false;
  ValueState value;       // made up
  Playback::State state;  // recorded
};

struct Target {
  int64_t phase_ms = 0;
  std::vector<Series> series;
  std::optional<Playback> playback;
};

struct LateSample {
  std::string labels;
  int shard;
  int64_t t;
  double value;
};

class Generator {
 public:
  Generator(const DataSetSpec& spec, std::FILE* file)
      : spec_(spec),
        random_(spec.seed),
        writer_(file, spec.shards, spec.samples_per_request),
        late_(spec.rows) {}

  absl::StatusOr<DataSetSummary> Run() {
    for (int i = 0; i < spec_.targets; ++i) {
      Target& target = targets_.emplace_back();
      if (spec_.source != Source::kService) {
        target.phase_ms = static_cast<int64_t>(random_.Below(spec_.step_ms));
      }
      Fill(i, target);
    }
    order_.resize(targets_.size());
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      return targets_[a].phase_ms < targets_[b].phase_ms;
    });
    for (int64_t row = 0; row < spec_.rows; ++row) WriteRow(row);
    RETURN_IF_ERROR(writer_.Finish());
    summary_.requests = writer_.requests();
    summary_.wire_bytes = writer_.wire_bytes();
    summary_.raw_bytes = writer_.raw_bytes();
    return std::move(summary_);
  }

 private:
  void WriteRow(int64_t row) {
    const int64_t base = spec_.end_ms - (spec_.rows - row) * spec_.step_ms;
    for (const LateSample& late : late_[row]) {
      writer_.Add(late.shard, late.labels, late.t, late.value);
    }
    late_[row].clear();
    for (const size_t i : order_) {
      Target& target = targets_[i];
      int64_t t = base + target.phase_ms;
      if (spec_.jitter_ms > 0) {
        t += static_cast<int64_t>(random_.Below(2 * spec_.jitter_ms + 1)) - spec_.jitter_ms;
        t = std::min(t, spec_.end_ms - 1);
      }
      const double replaced =
          spec_.churn_per_hour * static_cast<double>(spec_.step_ms) / static_cast<double>(kHourMs);
      if (row > 0 && replaced > 0 && random_.Uniform() < replaced) {
        for (const Series& series : target.series) {
          writer_.Add(series.shard, series.labels, t, std::bit_cast<double>(kStaleBits));
        }
        summary_.stale_markers += target.series.size();
        Fill(static_cast<int>(i), target);
      }
      if (target.playback) target.playback->Advance(spec_.step_ms, random_);
      for (size_t k = 0; k < target.series.size(); ++k) {
        Series& series = target.series[k];
        const double value = target.playback
                                 ? target.playback->Next(spec_.recording->series[k], series.state)
                                 : NextValue(series.value, random_);
        WriteSample(row, series, t, value);
      }
    }
  }

  void WriteSample(int64_t row, Series& series, int64_t t, double value) {
    DataSetSummary::Name& name = summary_.names[std::string(series.name)];
    ++summary_.samples;
    ++name.samples;
    if (!series.recent && t > spec_.end_ms - kHourMs) {
      series.recent = true;
      ++name.recent_series;
    }
    if (spec_.late_fraction > 0 && random_.Uniform() < spec_.late_fraction) {
      const auto delay = kMinuteMs + static_cast<int64_t>(random_.Below(26 * kMinuteMs));
      const int64_t due = row + delay / spec_.step_ms;
      if (due > row && due < spec_.rows) {
        late_[due].push_back({series.labels, series.shard, t, value});
        ++summary_.late_samples;
        return;
      }
    }
    writer_.Add(series.shard, series.labels, t, value);
  }

  // New series for the target, under new names where the source has them.
  void Fill(int index, Target& target) {
    target.series.clear();
    switch (spec_.source) {
      case Source::kService:
        FillService(index, target);
        break;
      case Source::kExporter:
        FillExporter(index, target);
        break;
      case Source::kHosts:
        FillHost(index, target);
        break;
      case Source::kPods:
        FillPod(target);
        break;
    }
  }

  Series& AddSeries(const LabelPairs& labels, Target& target) {
    Series& series = target.series.emplace_back();
    series.labels = EncodeLabels(labels);
    for (const auto& [name, value] : labels) {
      if (name == "__name__") series.name = summary_.names.try_emplace(value).first->first;
    }
    series.shard = static_cast<int>(random_.Below(spec_.shards));
    ++summary_.series;
    return series;
  }

  void FillService(int index, Target& target) {
    const std::string instance =
        absl::StrFormat("10.%d.%d.%d:8080", index / 62500 % 250, index / 250 % 250, index % 250);
    const std::string pod = absl::StrCat("checkout-", Hex(random_, 9), "-", Hex(random_, 5));
    for (int i = 0; i < spec_.series_per_target; ++i) {
      AddSeries({{"__name__", absl::StrCat("bench_http_requests_", i % 10, "_total")},
                 {"instance", instance},
                 {"job", "checkout"},
                 {"namespace", absl::StrCat("team-", index % 37)},
                 {"pod", pod},
                 {"handler", absl::StrCat("/api/v1/orders/", i / 10)},
                 {"region", "eu-central-1"}},
                target)
          .value = MakeValue(ValueMix::kService, random_);
    }
  }

  void FillExporter(int index, Target& target) {
    const std::string instance = absl::StrFormat("node-%04d.eu-central.example:9100", index);
    if (spec_.recording != nullptr) {
      target.playback.emplace(*spec_.recording, random_);
      for (const RecordedSeries& recorded : spec_.recording->series) {
        LabelPairs labels = recorded.labels;
        labels.emplace_back("instance", instance);
        labels.emplace_back("job", "node");
        AddSeries(labels, target).state = target.playback->Start(recorded, random_);
      }
      return;
    }
    for (int i = 0; i < spec_.series_per_target; ++i) {
      AddSeries({{"__name__", absl::StrCat("node_made_up_", i / 4, "_total")},
                 {"device", absl::StrCat("dev", i % 4)},
                 {"instance", instance},
                 {"job", "node"}},
                target)
          .value = MakeValue(ValueMix::kExporter, random_);
    }
  }

  void FillHost(int index, Target& target) {
    constexpr std::string_view kFields[] = {"user", "system",  "idle",  "nice",  "iowait",
                                            "irq",  "softirq", "steal", "guest", "guest_nice"};
    constexpr std::string_view kRegions[] = {"us-east-1", "us-west-1",    "us-west-2",
                                             "eu-west-1", "eu-central-1", "sa-east-1"};
    constexpr std::string_view kTeams[] = {"SF", "NYC", "LON", "CHI"};
    constexpr std::string_view kSystems[] = {"Ubuntu15.10", "Ubuntu16.10", "Ubuntu16.04LTS"};
    const std::string region(kRegions[random_.Below(6)]);
    const LabelPairs tags = {
        {"arch", random_.Below(2) == 0 ? "x64" : "x86"},
        {"datacenter", region + static_cast<char>('a' + random_.Below(3))},
        {"hostname", absl::StrCat("host_", index)},
        {"os", std::string(kSystems[random_.Below(3)])},
        {"rack", absl::StrCat(random_.Below(100))},
        {"region", region},
        {"service", absl::StrCat(random_.Below(20))},
        {"service_environment", random_.Below(2) == 0 ? "production" : "staging"},
        {"service_version", absl::StrCat(random_.Below(2))},
        {"team", std::string(kTeams[random_.Below(4)])}};
    for (const std::string_view field : kFields) {
      LabelPairs labels = tags;
      labels.emplace_back("__name__", "cpu_usage_" + std::string(field));
      AddSeries(labels, target).value = MakeValue(ValueMix::kPercent, random_);
    }
  }

  void FillPod(Target& target) {
    const uint64_t app = random_.Below(50);
    const LabelPairs shared = {
        {"app", absl::StrCat("app-", app)},
        {"cluster", "production-eu-1"},
        {"container", "main"},
        {"image", absl::StrCat("registry.example/team/app-", app, ":v1.", app % 7)},
        {"job", "kubernetes-pods"},
        {"namespace", absl::StrCat("team-", app % 12)},
        {"node", absl::StrFormat("node-%04d", random_.Below(200))},
        {"pod", absl::StrCat("app-", app, "-", Hex(random_, 9), "-", Hex(random_, 5))},
        {"uid", absl::StrCat(Hex(random_, 8), "-", Hex(random_, 4), "-", Hex(random_, 12))}};
    for (int i = 0; i < spec_.series_per_target; ++i) {
      LabelPairs labels = shared;
      labels.emplace_back("__name__", absl::StrCat("pod_metric_", i / 4, "_total"));
      labels.emplace_back("code", absl::StrCat(200 + i % 4));
      labels.emplace_back("path", absl::StrCat("/v1/", i % 4));
      AddSeries(labels, target).value = MakeValue(ValueMix::kService, random_);
    }
  }

  const DataSetSpec& spec_;
  Random random_;
  RequestFileWriter writer_;
  DataSetSummary summary_;
  std::vector<Target> targets_;
  std::vector<size_t> order_;
  std::vector<std::vector<LateSample>> late_;  // by the row that they go out with
};

}  // namespace

absl::StatusOr<DataSetSummary> WriteDataSet(const DataSetSpec& spec, std::FILE* file) {
  return Generator(spec, file).Run();
}

}  // namespace slowburn::bench
