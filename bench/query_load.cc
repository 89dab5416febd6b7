// query_load: writes the data that query_side_by_side.py asks about to every server named, by
// remote write, in order of time and the same bytes to each.
//
//   query_load --end MS [--scale X] [--only SETS] URL…
//
// a: 200 hosts of 50 series, 24 h at 15 s; b: TSBS cpu-only, 100 hosts of 10 fields, 24 h at 10 s;
// c: 1,000 counters, 30 d at 60 s; h: 2,000 classic histograms of 12 buckets, 2 h at 15 s. --scale
// makes fewer hosts, counters and histograms; --only abch takes some of the sets.
#include <snappy.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http_client.h"

namespace slowburn {
namespace {

constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kSlice = 5 * kMinute;  // what one request spans
constexpr size_t kSeriesPerRequest = 500;

void AppendVarint(std::string& out, uint64_t n) {
  for (; n > 127; n >>= 7) out += char(n | 128);
  out += char(n);
}

void AppendField(std::string& out, int number, std::string_view payload) {
  AppendVarint(out, uint64_t(number) << 3 | 2);
  AppendVarint(out, payload.size());
  out += payload;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t Below(uint32_t n) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return uint32_t((state_ >> 33) * n >> 31);
  }

 private:
  uint64_t state_;
};

// How a series goes on.
enum class Shape { kCounter, kGauge, kPercent, kConstant };

struct Series {
  std::string labels;  // as remote write encodes them
  Shape shape;
  uint32_t rate;  // of a counter: how much it grows at most; of a gauge: its size
  double value;
  Random random;
};

using LabelList = std::vector<std::pair<std::string, std::string>>;

struct DataSet {
  int64_t start, interval;
  std::vector<Series> series;

  void Add(LabelList labels, Shape shape, uint32_t rate) {
    std::sort(labels.begin(), labels.end());
    std::string encoded;
    for (const auto& [name, value] : labels) {
      std::string pair;
      AppendField(pair, 1, name);
      AppendField(pair, 2, value);
      AppendField(encoded, 1, pair);
    }
    series.push_back({std::move(encoded), shape, rate, double(rate), Random(series.size())});
  }
};

double Next(Series& s) {
  switch (s.shape) {
    case Shape::kCounter:
      if (s.random.Below(20'000) == 0) s.value = 0;
      return s.value += double(s.random.Below(s.rate)) / (s.rate < 100 ? 100 : 1);
    case Shape::kGauge:
      s.value += (double(s.random.Below(2001)) - 1000) * s.rate / 1e5;
      return s.value = std::max(s.value, 0.0);
    case Shape::kPercent: {
      const int step = int(s.random.Below(5)) - 2;
      return s.value = std::clamp(s.value + step, 0.0, 100.0);
    }
    case Shape::kConstant:
      break;
  }
  return s.value;
}

std::string Host(int i) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "host-%03d:9100", i);
  return buffer;
}

DataSet Nodes(int hosts, int64_t end) {
  DataSet set{end - kDay, 15'000, {}};
  const char* const modes[] = {"idle", "user", "system", "iowait", "nice", "irq", "softirq", "steal"};
  const char* const codes[] = {"200", "201", "301", "404", "429", "500", "503"};
  for (int i = 0; i < hosts; ++i) {
    const auto add = [&](const char* name, LabelList labels, Shape shape, uint32_t rate) {
      labels.insert(labels.end(), {{"__name__", name},
                                   {"job", "node"},
                                   {"instance", Host(i)},
                                   {"zone", std::string(1, char('a' + i % 4))}});
      set.Add(std::move(labels), shape, rate);
    };
    for (int cpu = 0; cpu < 4; ++cpu) {
      for (size_t m = 0; m < std::size(modes); ++m) {
        add("node_cpu_seconds_total", {{"cpu", std::to_string(cpu)}, {"mode", modes[m]}},
            m < 6 ? Shape::kCounter : Shape::kConstant, uint32_t(60 / (m + 1)));
      }
    }
    add("node_memory_MemAvailable_bytes", {}, Shape::kGauge, 2'000'000'000);
    add("node_memory_MemTotal_bytes", {}, Shape::kConstant, 4'000'000'000);
    add("node_load1", {}, Shape::kGauge, 3);
    for (int d = 0; d < 4; ++d) {
      const std::string device = "sd" + std::to_string(d);
      add("node_filesystem_avail_bytes", {{"device", device}}, Shape::kGauge, 1'000'000'000);
      add("node_network_receive_bytes_total", {{"device", "eth" + std::to_string(d)}}, Shape::kCounter,
          5'000'000);
    }
    for (const char* code : codes) {
      add("http_requests_total", {{"code", code}}, Shape::kCounter, code[0] == '2' ? 500 : 100);
    }
  }
  return set;
}

DataSet Tsbs(int hosts, int64_t end) {
  DataSet set{end - kDay, 10'000, {}};
  const char* const fields[] = {"user",    "system", "idle",  "nice",  "iowait",
                                "irq",     "softirq", "steal", "guest", "guest_nice"};
  for (int i = 0; i < hosts; ++i) {
    for (const char* field : fields) {
      set.Add({{"__name__", std::string("cpu_usage_") + field},
               {"hostname", "host_" + std::to_string(i)},
               {"region", "eu-west-" + std::to_string(i % 3)},
               {"datacenter", "eu-west-" + std::to_string(i % 3) + "b"},
               {"rack", std::to_string(i * 7 % 100)},
               {"os", i % 2 ? "Ubuntu16.04LTS" : "Ubuntu15.10"},
               {"arch", i % 3 ? "x64" : "x86"},
               {"team", i % 4 ? "SF" : "NYC"},
               {"service", std::to_string(i % 20)},
               {"service_version", std::to_string(i % 2)},
               {"service_environment", i % 5 ? "production" : "test"}},
              Shape::kPercent, 50);
    }
  }
  return set;
}

DataSet Services(int counters, int64_t end) {
  DataSet set{end - 30 * kDay, 60'000, {}};
  const char* const codes[] = {"200", "404", "500", "503"};
  for (int i = 0; i < counters; ++i) {
    set.Add({{"__name__", "slo_requests_total"},
             {"job", "gateway"},
             {"service", "service-" + std::to_string(i / 4)},
             {"code", codes[i % 4]}},
            Shape::kCounter, i % 4 == 0 ? 3000 : 120);
  }
  return set;
}

DataSet Histograms(int histograms, int64_t end) {
  DataSet set{end - 2 * kHour, 15'000, {}};
  const char* const bounds[] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                "0.5",   "1",    "2.5",   "5",    "10",  "+Inf"};
  for (int i = 0; i < histograms; ++i) {
    for (size_t b = 0; b < std::size(bounds); ++b) {
      set.Add({{"__name__", "request_duration_seconds_bucket"},
               {"job", "api"},
               {"service", "service-" + std::to_string(i / 10)},
               {"path", "/path/" + std::to_string(i % 10)},
               {"le", bounds[b]}},
              Shape::kCounter, uint32_t(100 + 20 * b));
    }
  }
  return set;
}

// One body for samples of [from, to) of some series.
std::string Body(DataSet& set, size_t first, size_t count, int64_t from, int64_t to) {
  std::string body, one, sample;
  for (size_t i = first; i < first + count; ++i) {
    Series& series = set.series[i];
    one = series.labels;
    for (int64_t t = from; t < to; t += set.interval) {
      const double value = Next(series);
      sample.assign("\x09", 1);
      sample.append(reinterpret_cast<const char*>(&value), sizeof value);
      sample += '\x10';
      AppendVarint(sample, uint64_t(t));
      AppendField(one, 2, sample);
    }
    AppendField(body, 1, one);
  }
  std::string compressed;
  snappy::Compress(body.data(), body.size(), &compressed);
  return compressed;
}

class Senders {
 public:
  explicit Senders(std::vector<std::string> urls)
      : urls_(std::move(urls)), client_(base::NewCurlHttpClient()) {}

  // To all at once; false if one of them does not take it.
  bool Send(const std::string& body) {
    std::latch left(std::ptrdiff_t(urls_.size()));
    std::vector<std::string> errors(urls_.size());
    for (size_t i = 0; i < urls_.size(); ++i) {
      base::HttpRequest request;
      request.method = "POST";
      request.url = urls_[i] + "/api/v1/write";
      request.headers = {{"Content-Type", "application/x-protobuf"},
                         {"Content-Encoding", "snappy"},
                         {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
      request.body = body;
      request.timeout_ms = 60'000;
      client_->Start(std::move(request), [&, i](absl::StatusOr<base::HttpResponse> response) {
        if (!response.ok()) {
          errors[i] = response.status().ToString();
        } else if (response->status / 100 != 2) {
          errors[i] = std::to_string(response->status) + " " + response->body;
        }
        left.count_down();
      });
    }
    left.wait();
    bool ok = true;
    for (size_t i = 0; i < urls_.size(); ++i) {
      if (errors[i].empty()) continue;
      std::fprintf(stderr, "%s: %s\n", urls_[i].c_str(), errors[i].c_str());
      ok = false;
    }
    return ok;
  }

 private:
  const std::vector<std::string> urls_;
  const std::unique_ptr<base::HttpClient> client_;
};

bool Load(std::vector<DataSet>& sets, int64_t end, Senders& senders) {
  int64_t at = end, samples = 0;
  for (const DataSet& set : sets) at = std::min(at, set.start);
  for (; at < end; at += kSlice) {
    for (DataSet& set : sets) {
      if (at < set.start) continue;
      for (size_t i = 0; i < set.series.size(); i += kSeriesPerRequest) {
        const size_t count = std::min(kSeriesPerRequest, set.series.size() - i);
        if (!senders.Send(Body(set, i, count, at, std::min(at + kSlice, end)))) return false;
        samples += int64_t(count) * kSlice / set.interval;
      }
    }
    if (at % kDay < kSlice) std::fprintf(stderr, "%lld d to go\n", (long long)((end - at) / kDay));
  }
  std::printf("%lld samples\n", (long long)samples);
  return true;
}

int Run(int argc, char** argv) {
  int64_t end = 0;
  double scale = 1;
  std::string only = "abch";
  std::vector<std::string> urls;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--end" && i + 1 < argc) {
      end = std::atoll(argv[++i]) / kSlice * kSlice;
    } else if (arg == "--scale" && i + 1 < argc) {
      scale = std::atof(argv[++i]);
    } else if (arg == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else {
      urls.emplace_back(arg);
    }
  }
  if (end == 0 || urls.empty() || scale <= 0) {
    std::fputs("usage: query_load --end MS [--scale X] [--only abch] URL…\n", stderr);
    return 2;
  }
  const auto scaled = [&](int n) { return std::max(int(n * scale), 4); };
  const auto wanted = [&](char set) { return only.find(set) != only.npos; };
  std::vector<DataSet> sets;
  if (wanted('c')) sets.push_back(Services(scaled(1000), end));
  if (wanted('a')) sets.push_back(Nodes(scaled(200), end));
  if (wanted('b')) sets.push_back(Tsbs(scaled(100), end));
  if (wanted('h')) sets.push_back(Histograms(scaled(2000), end));
  Senders senders(std::move(urls));
  return Load(sets, end, senders) ? 0 : 1;
}

}  // namespace
}  // namespace slowburn

int main(int argc, char** argv) { return slowburn::Run(argc, argv); }
