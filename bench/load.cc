// load: makes files of remote-write requests, and sends them. bench/side_by_side calls it.
//
//   load make FILE --source=service|exporter|hosts|pods --end=MS [--option=value…]
//   load send FILE PORT PATH
//
// Both print one line of JSON about what they did. Exit 1: something failed, said on stderr.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "bench/data_set.h"
#include "bench/request_sender.h"

namespace slowburn::bench {
namespace {

constexpr int64_t kWindowMs = 60'000;

class Options {
 public:
  static absl::StatusOr<Options> Parse(int argc, char** argv) {
    Options options;
    for (int i = 0; i < argc; ++i) {
      const std::string_view text = argv[i];
      const size_t equals = text.find('=');
      if (text.substr(0, 2) != "--" || equals == std::string_view::npos) {
        return absl::InvalidArgumentError(std::string(text) + ": wanted --name=value");
      }
      options.values_[std::string(text.substr(2, equals - 2))] = text.substr(equals + 1);
    }
    return options;
  }
  std::string Text(const std::string& name) {
    const auto found = values_.extract(name);
    return found ? found.mapped() : "";
  }
  template <typename Number>
  absl::Status Read(const std::string& name, Number& out) {
    const std::string text = Text(name);
    if (text.empty()) return absl::OkStatus();
    bool ok;
    if constexpr (std::is_integral_v<Number>) {
      ok = absl::SimpleAtoi(text, &out);
    } else {
      ok = absl::SimpleAtod(text, &out);
    }
    return ok ? absl::OkStatus()
              : absl::InvalidArgumentError(absl::StrCat("--", name, "=", text, ": not a number"));
  }
  absl::Status Done() const {
    if (values_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("--", values_.begin()->first, ": no such option"));
  }

 private:
  std::map<std::string, std::string> values_;
};

absl::Status Make(const std::string& path, Options options) {
  DataSetSpec spec;
  const std::map<std::string, Source> sources = {{"service", Source::kService},
                                                 {"exporter", Source::kExporter},
                                                 {"hosts", Source::kHosts},
                                                 {"pods", Source::kPods}};
  const auto source = sources.find(options.Text("source"));
  if (source == sources.end()) return absl::InvalidArgumentError("--source: which one?");
  spec.source = source->second;
  std::optional<ExporterRecording> recording;
  if (const std::string file = options.Text("recording"); !file.empty()) {
    ASSIGN_OR_RETURN(recording, ExporterRecording::Load(file, "node_"));
    spec.recording = &*recording;
  }
  RETURN_IF_ERROR(options.Read("targets", spec.targets));
  RETURN_IF_ERROR(options.Read("series-per-target", spec.series_per_target));
  RETURN_IF_ERROR(options.Read("rows", spec.rows));
  RETURN_IF_ERROR(options.Read("step", spec.step_ms));
  RETURN_IF_ERROR(options.Read("end", spec.end_ms));
  RETURN_IF_ERROR(options.Read("jitter", spec.jitter_ms));
  RETURN_IF_ERROR(options.Read("churn-per-hour", spec.churn_per_hour));
  RETURN_IF_ERROR(options.Read("late", spec.late_fraction));
  RETURN_IF_ERROR(options.Read("shards", spec.shards));
  RETURN_IF_ERROR(options.Read("samples-per-request", spec.samples_per_request));
  RETURN_IF_ERROR(options.Read("seed", spec.seed));
  RETURN_IF_ERROR(options.Done());
  if (spec.targets < 1 || spec.rows < 1 || spec.step_ms < 1 || spec.shards < 1 ||
      spec.samples_per_request < 1 || spec.end_ms < spec.rows * spec.step_ms) {
    return absl::InvalidArgumentError("numbers out of range");
  }

  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  const absl::StatusOr<DataSetSummary> summary = WriteDataSet(spec, file);
  std::fclose(file);
  RETURN_IF_ERROR(summary.status());
  std::string names;
  for (const auto& [name, counts] : summary->names) {
    absl::StrAppend(&names, names.empty() ? "" : ",", "\"", name, "\":[", counts.samples, ",",
                    counts.recent_series, "]");
  }
  std::printf("{\"series\":%" PRIu64 ",\"samples\":%" PRIu64 ",\"stale_markers\":%" PRIu64
              ",\"late_samples\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"wire_bytes\":%" PRIu64
              ",\"raw_bytes\":%" PRIu64 ",\"start_ms\":%" PRId64 ",\"end_ms\":%" PRId64
              ",\"recorded\":%s,\"names\":{%s}}\n",
              summary->series, summary->samples, summary->stale_markers, summary->late_samples,
              summary->requests, summary->wire_bytes, summary->raw_bytes,
              spec.end_ms - spec.rows * spec.step_ms, spec.end_ms,
              spec.recording != nullptr ? "true" : "false", names.c_str());
  return absl::OkStatus();
}

absl::Status Send(const std::string& path, int port, const std::string& target) {
  ASSIGN_OR_RETURN(const RequestFile file, RequestFile::Open(path));
  ASSIGN_OR_RETURN(const SendReport report, SendRequests(file, port, target, kWindowMs));
  const auto latency = [&](double quantile) {
    const size_t n = report.latencies_us.size();
    return n == 0 ? 0
                  : report.latencies_us[static_cast<size_t>(quantile * static_cast<double>(n - 1))];
  };
  std::string refusal;
  base::AppendJsonString(refusal, report.first_refusal.substr(0, 500));
  std::printf("{\"accepted_samples\":%" PRIu64 ",\"seconds\":%.3f,\"repeats\":%" PRIu64
              ",\"latency_us\":{\"p50\":%u,\"p99\":%u,\"max\":%u},\"statuses\":{%s},"
              "\"first_refusal\":%s}\n",
              report.accepted_samples, report.seconds, report.repeats, latency(0.5), latency(0.99),
              latency(1),
              absl::StrJoin(report.statuses, ",",
                            [](std::string* out, const auto& entry) {
                              absl::StrAppend(out, "\"", entry.first, "\":", entry.second);
                            })
                  .c_str(),
              refusal.c_str());
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "make" && argc >= 3) {
    ASSIGN_OR_RETURN(Options options, Options::Parse(argc - 3, argv + 3));
    return Make(argv[2], std::move(options));
  }
  int port = 0;
  if (command == "send" && argc == 5 && absl::SimpleAtoi(argv[3], &port)) {
    return Send(argv[2], port, argv[4]);
  }
  return absl::InvalidArgumentError(
      "usage: load make FILE --option=value… | load send FILE PORT PATH");
}

}  // namespace
}  // namespace slowburn::bench

int main(int argc, char** argv) {
  const absl::Status status = slowburn::bench::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "load: %s\n", status.ToString().c_str());
  return 1;
}
