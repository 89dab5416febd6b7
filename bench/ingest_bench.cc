// Remote write: from the bytes of a request to its commit, 2000 samples a request, one sample a
// series.
#include <benchmark/benchmark.h>
#include <snappy.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/metrics.h"
#include "ingest/exposition.h"
#include "ingest/remote_write.h"
#include "ingest/text_parser.h"
#include "ingest/write_decoder.h"
#include "tsdb/memory_storage.h"

namespace slowburn {
namespace {

constexpr int kSeries = 2000;

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendBytes(std::string& out, int field, const std::string& bytes) {
  AppendVarint(out, static_cast<uint64_t>(field) << 3 | 2);
  AppendVarint(out, bytes.size());
  out += bytes;
}

std::string Label(const std::string& name, const std::string& value) {
  std::string out;
  AppendBytes(out, 1, name);
  AppendBytes(out, 2, value);
  return out;
}

std::string Request(int64_t t) {
  std::string request;
  for (int i = 0; i < kSeries; ++i) {
    std::string series, sample;
    AppendBytes(series, 1, Label("__name__", "http_request_duration_seconds_bucket"));
    AppendBytes(series, 1, Label("code", absl::StrCat(200 + i % 5)));
    AppendBytes(series, 1, Label("handler", absl::StrCat("/api/v1/resource/", i / 20)));
    AppendBytes(series, 1, Label("instance", "app-07.eu-central.example:8080"));
    AppendBytes(series, 1, Label("job", "shop"));
    AppendBytes(series, 1, Label("le", absl::StrCat(i % 20)));
    sample += '\x09';
    const double value = t * 0.5 + i;
    sample.append(reinterpret_cast<const char*>(&value), 8);
    sample += '\x10';
    AppendVarint(sample, static_cast<uint64_t>(t));
    AppendBytes(series, 2, sample);
    AppendBytes(request, 1, series);
  }
  return request;
}

void DecodeOnly(benchmark::State& state) {
  const std::string message = Request(1'700'000'000'000);
  ingest::WriteBatch batch;
  for (auto _ : state) {
    ingest::WriteDecoder decoder(message, 1 << 20);
    while (*decoder.Next(batch)) {
      for (const ingest::WriteSeries& series : batch.series) {
        benchmark::DoNotOptimize(tsdb::HashRawKey(series.label_bytes));
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(DecodeOnly);

// With the naive store behind it: what the store itself costs shows in the difference to
// DecodeOnly.
void IngestIntoMemory(benchmark::State& state) {
  base::RealClock clock;
  prometheus::Registry registry;
  tsdb::MemoryStorage storage;
  ingest::RemoteWriteIngester ingester(storage, {}, clock, registry);
  int64_t t = 1'700'000'000'000;
  for (auto _ : state) {
    state.PauseTiming();
    const std::string message = Request(t += 15'000);
    std::string body;
    snappy::Compress(message.data(), message.size(), &body);
    state.ResumeTiming();
    const auto outcome = ingester.Ingest(body, ingest::WriteEncoding::kSnappy);
    CHECK(outcome.ok() && outcome->samples == kSeries);
  }
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(IngestIntoMemory)->Iterations(300);

void ParseText(benchmark::State& state) {
  std::string body = "# TYPE http_request_duration_seconds histogram\n";
  for (int i = 0; i < kSeries; ++i) {
    absl::StrAppend(&body, "http_request_duration_seconds_bucket{code=\"", 200 + i % 5,
                    "\",handler=\"/api/v1/resource/", i / 20, "\",le=\"", i % 20, "\"} ", i * 17,
                    "\n");
  }
  for (auto _ : state) {
    const auto parser = ingest::NewTextParser(body);
    ingest::ExpositionEntry entry;
    while (parser->Next(entry)) benchmark::DoNotOptimize(tsdb::HashRawKey(entry.series));
    CHECK(parser->status().ok());
  }
  state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(ParseText);

}  // namespace
}  // namespace slowburn
