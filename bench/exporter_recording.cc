#include "bench/exporter_recording.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <unordered_map>

#include "base/file.h"
#include "base/status_macros.h"
#include "ingest/text_parser.h"

namespace slowburn::bench {
namespace {

constexpr int kMaxDecimals = 9;
constexpr double kExact = 0x1p53;

// The least decimals with which each value is exact; -1 where there are none.
int Decimals(const std::vector<double>& values) {
  int decimals = 0;
  for (const double value : values) {
    while (true) {
      const double scale = std::pow(10, decimals);
      const double units = std::nearbyint(value * scale);
      if (std::abs(units) < kExact && units / scale == value) break;
      if (++decimals > kMaxDecimals) return -1;
    }
  }
  return decimals;
}

double Granule(const std::vector<double>& values, double scale) {
  int64_t granule = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    granule = std::gcd(granule, std::llround((values[i] - values[i - 1]) * scale));
  }
  return static_cast<double>(std::max<int64_t>(granule, 1));
}

void Analyse(bool counter, RecordedSeries& series) {
  using Kind = RecordedSeries::Kind;
  const auto [least, most] = std::minmax_element(series.values.begin(), series.values.end());
  const bool finite = std::all_of(series.values.begin(), series.values.end(),
                                  [](double v) { return std::isfinite(v); });
  if (!finite || *least == *most) return;  // plays as recorded
  series.kind = counter ? Kind::kCounter : Kind::kGauge;
  series.decimals = Decimals(series.values);
  if (series.decimals >= 0) {
    series.scale = std::pow(10, series.decimals);
    series.granule = Granule(series.values, series.scale);
  }
  // Small whole gauges are states and counts of few things: a factor would make nonsense of them.
  if (!counter && series.decimals == 0 && std::max(std::abs(*least), std::abs(*most)) <= 10) {
    series.kind = Kind::kFixed;
  }
  if (!counter) return;
  double risen = 0;
  series.risen.reserve(series.values.size());
  for (size_t i = 0; i < series.values.size(); ++i) {
    if (i > 0) risen += std::max(0.0, series.values[i] - series.values[i - 1]) * series.scale;
    series.risen.push_back(series.decimals < 0 ? risen : std::nearbyint(risen));
  }
}

// Units of the series, to its granule.
double Rounded(const RecordedSeries& series, double units) {
  if (series.decimals < 0) return units;
  return std::nearbyint(units / series.granule) * series.granule;
}

struct Answer {
  int64_t t = 0;
  std::string_view text;
};

absl::StatusOr<std::vector<Answer>> Split(std::string_view file) {
  std::vector<Answer> answers;
  while (!file.empty()) {
    const size_t line = file.find('\n');
    long long t = 0;
    size_t length = 0;
    if (line == std::string_view::npos ||
        std::sscanf(std::string(file.substr(0, line)).c_str(), "#@ %lld %zu", &t, &length) != 2 ||
        file.size() - line - 1 < length) {
      return absl::InvalidArgumentError("not a recording, or cut short");
    }
    answers.push_back({t, file.substr(line + 1, length)});
    file.remove_prefix(line + 1 + length);
  }
  if (answers.size() < 3) return absl::InvalidArgumentError("fewer than 3 answers");
  return answers;
}

}  // namespace

absl::StatusOr<ExporterRecording> ExporterRecording::Load(const std::string& path,
                                                          std::string_view prefix) {
  ASSIGN_OR_RETURN(const std::string file, base::ReadFile(path));
  ASSIGN_OR_RETURN(const std::vector<Answer> answers, Split(file));
  ExporterRecording recording;
  recording.rows = static_cast<int64_t>(answers.size());
  recording.interval_ms = (answers.back().t - answers.front().t) / (recording.rows - 1);
  std::unordered_map<std::string, size_t> known;
  std::vector<bool> counters;
  for (size_t row = 0; row < answers.size(); ++row) {
    const auto parser = ingest::NewTextParser(answers[row].text);
    ingest::ExpositionEntry entry;
    ingest::LabelScratch scratch;
    while (parser->Next(entry)) {
      if (entry.kind != ingest::ExpositionEntry::Kind::kSample) continue;
      if (entry.series.substr(0, prefix.size()) != prefix) continue;
      const auto [place, is_new] =
          known.try_emplace(std::string(entry.series), recording.series.size());
      if (is_new) {
        RETURN_IF_ERROR(parser->ParseLabels(entry, scratch));
        RecordedSeries& series = recording.series.emplace_back();
        for (const auto& label : scratch.labels)
          series.labels.emplace_back(label.name, label.value);
        counters.push_back(parser->current_type() == tsdb::MetricType::kCounter);
      }
      RecordedSeries& series = recording.series[place->second];
      if (series.values.size() == row) series.values.push_back(entry.value);
    }
    RETURN_IF_ERROR(parser->status());
  }
  std::vector<RecordedSeries> whole;
  for (size_t i = 0; i < recording.series.size(); ++i) {
    if (recording.series[i].values.size() != answers.size()) continue;
    Analyse(counters[i], recording.series[i]);
    whole.push_back(std::move(recording.series[i]));
  }
  recording.series = std::move(whole);
  if (recording.interval_ms <= 0 || recording.series.empty()) {
    return absl::InvalidArgumentError(path + ": no series " + std::string(prefix) + "*");
  }
  return recording;
}

Playback::Playback(const ExporterRecording& recording, Random& random)
    : recording_(&recording),
      place_(static_cast<int64_t>(random.Below(2 * recording.rows))),
      rate_(std::exp(0.8 * random.Normal())) {
  before_ = place_;
}

void Playback::Advance(int64_t step_ms, Random& random) {
  before_ = place_;
  place_ += std::max<int64_t>(1, step_ms / recording_->interval_ms);
  load_ = std::exp(0.9 * std::log(load_) + 0.1 * random.Normal());
}

Playback::State Playback::Start(const RecordedSeries& series, Random& random) const {
  State state;
  state.factor = std::exp(0.3 * random.Normal());
  if (series.kind == RecordedSeries::Kind::kCounter) {
    state.value =
        Rounded(series, series.values.front() * series.scale * (0.2 + 2 * random.Uniform()));
  }
  return state;
}

// Units added from the first value on, along the unfolded way.
double Playback::Risen(const RecordedSeries& series, int64_t place) const {
  const int64_t pass = place / (recording_->rows - 1), within = place % (recording_->rows - 1);
  const double total = series.risen.back();
  return static_cast<double>(pass) * total +
         (pass % 2 == 0 ? series.risen[within]
                        : total - series.risen[recording_->rows - 1 - within]);
}

double Playback::Next(const RecordedSeries& series, State& state) const {
  const int64_t pass = place_ / (recording_->rows - 1), within = place_ % (recording_->rows - 1);
  const double recorded = series.values[pass % 2 == 0 ? within : recording_->rows - 1 - within];
  switch (series.kind) {
    case RecordedSeries::Kind::kFixed:
      return recorded;
    case RecordedSeries::Kind::kCounter: {
      const double risen = Risen(series, place_) - Risen(series, before_);
      state.value += Rounded(series, risen * rate_ * load_);
      return state.value / series.scale;
    }
    case RecordedSeries::Kind::kGauge: {
      const double level = series.values.front(), swing = recorded - level;
      return Rounded(series, (level + swing * load_) * state.factor * series.scale) / series.scale;
    }
  }
  return recorded;
}

}  // namespace slowburn::bench
