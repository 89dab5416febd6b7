#include "api/read_handler.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/read_request.h"
#include "api/xor_chunk.h"
#include "base/status_macros.h"
#include "ingest/compression.h"
#include "query/concurrency_gate.h"
#include "query/stop_signals.h"

namespace slowburn::api {
namespace {

constexpr size_t kMaxRequestBytes = size_t{32} << 20;
constexpr size_t kSeriesPerLook = 64;

// Answers made so far, within the limits.
class Answer {
 public:
  Answer(const RemoteReadLimits& limits, query::QueryMemory& memory, const Request& request)
      : limits_(limits), held_(memory), client_gone_(request.client_gone) {}

  std::string bytes;

  absl::Status CountSamples(size_t n) {
    samples_ += int64_t(n);
    if (limits_.samples <= 0 || samples_ <= limits_.samples) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("exceeded sample limit (", limits_.samples, ")"));
  }
  // To be called for each series.
  absl::Status Look() {
    if (client_gone_ != nullptr && series_++ % kSeriesPerLook == 0 && *client_gone_) {
      return absl::CancelledError("the client went away");
    }
    return held_.Set(bytes.capacity());
  }

 private:
  const RemoteReadLimits& limits_;
  query::MemoryHold held_;
  const std::atomic<bool>* const client_gone_;
  int64_t samples_ = 0;
  size_t series_ = 0;
};

// A matcher that asks for an external label asks for what does not have it yet.
absl::StatusOr<tsdb::Matchers> WithoutExternal(const tsdb::Matchers& matchers,
                                               const tsdb::Labels& external) {
  tsdb::Matchers out;
  for (const tsdb::Matcher& m : matchers) {
    const bool is_external = m.op() == tsdb::Matcher::Op::kEqual && external.Has(m.name()) &&
                             external.Get(m.name()) == m.value();
    out.push_back(is_external ? tsdb::Matcher::Equal(m.name(), "") : m);
  }
  return out;
}

tsdb::Labels Merge(const tsdb::Labels& labels, const tsdb::Labels& external) {
  if (external.empty()) return labels;
  tsdb::LabelsBuilder builder(labels);
  for (const tsdb::LabelView label : external) {
    if (!labels.Has(label.name)) builder.Set(label.name, label.value);
  }
  return builder.Build();
}

// Calls each(labels, samples) for every series of a query.
template <typename Each>
absl::Status ForEachSeries(tsdb::Storage& storage, const ReadQuery& query,
                           const tsdb::Labels& external, Each each) {
  const tsdb::TimeRange range{query.start,
                              query.end == tsdb::kMaxTime ? tsdb::kMaxTime : query.end + 1};
  if (range.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const tsdb::Matchers matchers, WithoutExternal(query.matchers, external));
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(range);
  tsdb::SelectHints hints;
  hints.range = range;
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::SeriesSet> set, querier->Select(matchers, hints));
  while (set->Next()) {
    const std::unique_ptr<tsdb::SampleIterator> samples = set->samples();
    RETURN_IF_ERROR(each(Merge(set->labels(), external), *samples));
    RETURN_IF_ERROR(samples->status());
  }
  return set->status();
}

absl::StatusOr<std::string> Samples(const RemoteReadDeps& deps, const ReadRequest& request,
                                    Answer& answer) {
  const tsdb::Labels external = deps.external_labels();
  ProtoWriter response(answer.bytes);
  for (const ReadQuery& query : request.queries) {
    std::string result;
    ProtoWriter w(result);
    const absl::Status status = ForEachSeries(
        deps.storage, query, external,
        [&](const tsdb::Labels& labels, tsdb::SampleIterator& samples) -> absl::Status {
          std::string series;
          ProtoWriter s(series);
          WriteLabels(s, labels);
          bool any = false;
          for (tsdb::SampleBatch batch; samples.Next(batch);) {
            RETURN_IF_ERROR(answer.CountSamples(batch.t.size()));
            any = true;
            for (size_t i = 0; i < batch.t.size(); ++i) {
              if (!batch.histograms.empty() && batch.histograms[i]) {
                WriteHistogram(s, batch.t[i], *batch.histograms[i]);
              } else {
                WriteSample(s, batch.t[i], batch.v[i]);
              }
            }
          }
          if (any) w.Bytes(1, series);
          return answer.Look();
        });
    RETURN_IF_ERROR(status);
    response.Bytes(1, result);
    RETURN_IF_ERROR(answer.Look());
  }
  return ingest::CompressSnappy(answer.bytes);
}

// Chunks of one series, cut into frames.
class ChunkStream {
 public:
  ChunkStream(size_t query_index, size_t frame_bytes, std::string& out)
      : query_index_(query_index), frame_bytes_(frame_bytes), out_(out) {}

  void Begin(const tsdb::Labels& labels) {
    head_.clear();
    ProtoWriter w(head_);
    WriteLabels(w, labels);
    chunks_.clear();
    pending_.clear();
  }
  void Add(tsdb::TimestampMs t, double v) {
    pending_.push_back({t, v});
    if (pending_.size() == kMaxSamplesPerChunk) EndChunk();
  }
  void End() {
    EndChunk();
    EndFrame();
  }

 private:
  void EndChunk() {
    if (pending_.empty()) return;
    ProtoWriter w(chunks_);
    WriteChunk(w, pending_);
    pending_.clear();
    if (head_.size() + chunks_.size() >= frame_bytes_) EndFrame();
  }
  void EndFrame() {
    if (chunks_.empty()) return;
    std::string message;
    ProtoWriter w(message);
    w.Bytes(1, head_ + chunks_);
    w.Uint(2, query_index_);
    AppendFrame(out_, message);
    chunks_.clear();
  }

  const size_t query_index_;
  const size_t frame_bytes_;
  std::string& out_;
  std::string head_, chunks_;  // the labels; the chunks of this frame
  std::vector<tsdb::Sample> pending_;
};

// nullopt: there are native histograms among the samples.
absl::StatusOr<std::optional<std::string>> Chunks(const RemoteReadDeps& deps,
                                                  const ReadRequest& request, Answer& answer) {
  const tsdb::Labels external = deps.external_labels();
  bool histograms = false;
  for (size_t i = 0; i < request.queries.size() && !histograms; ++i) {
    ChunkStream stream(i, deps.limits.frame_bytes, answer.bytes);
    const absl::Status status = ForEachSeries(
        deps.storage, request.queries[i], external,
        [&](const tsdb::Labels& labels, tsdb::SampleIterator& samples) -> absl::Status {
          if (histograms) return absl::OkStatus();
          stream.Begin(labels);
          for (tsdb::SampleBatch batch; samples.Next(batch);) {
            if (!batch.histograms.empty()) {
              histograms = true;
              return absl::OkStatus();
            }
            for (size_t k = 0; k < batch.t.size(); ++k) stream.Add(batch.t[k], batch.v[k]);
          }
          stream.End();
          return answer.Look();
        });
    RETURN_IF_ERROR(status);
  }
  if (histograms) return std::nullopt;
  return std::move(answer.bytes);
}

Response PlainError(const absl::Status& error) {
  int status = 500;
  if (error.code() == absl::StatusCode::kInvalidArgument) status = 400;
  if (error.code() == absl::StatusCode::kResourceExhausted) status = 422;
  if (error.code() == absl::StatusCode::kCancelled) status = 499;
  Response response = Response::Text(status, std::string(error.message()) + "\n");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

class RemoteRead {
 public:
  explicit RemoteRead(RemoteReadDeps deps)
      : deps_(std::move(deps)),
        gate_(
            deps_.limits.concurrent > 0 ? deps_.limits.concurrent : std::numeric_limits<int>::max(),
            deps_.clock),
        running_(base::AddGauge(deps_.registry, "prometheus_remote_read_handler_queries",
                                "The current number of remote read queries that are either in "
                                "execution or queued on the handler.")) {}

  Response Handle(const Request& request) {
    running_.Increment();
    absl::StatusOr<Response> response = Wait(request);
    running_.Decrement();
    return response.ok() ? *std::move(response) : PlainError(response.status());
  }

 private:
  absl::StatusOr<Response> Wait(const Request& request) {
    query::StopSignals stop;
    stop.client_gone = request.client_gone;
    RETURN_IF_ERROR(gate_.Enter(stop));
    absl::StatusOr<Response> response = Read(request);
    gate_.Leave();
    return response;
  }

  absl::StatusOr<Response> Read(const Request& request) {
    absl::StatusOr<ingest::ByteBuffer> body =
        ingest::Decompress(ingest::WriteEncoding::kSnappy, request.body, kMaxRequestBytes);
    if (!body.ok()) return absl::InvalidArgumentError(body.status().message());
    ASSIGN_OR_RETURN(const ReadRequest read, ParseReadRequest(body->view()));
    if (read.names_types && read.accepted.empty()) {
      return absl::InvalidArgumentError(
          "server does not support any of the requested response types");
    }
    const std::shared_ptr<query::QueryMemory> memory = deps_.new_memory();
    const bool chunks = !read.accepted.empty() && read.accepted[0] == ReadResponseType::kChunks;
    if (chunks) {
      Answer answer(deps_.limits, *memory, request);
      ASSIGN_OR_RETURN(std::optional<std::string> frames, Chunks(deps_, read, answer));
      if (frames.has_value()) return ChunksResponse(*std::move(frames));
      const bool takes_samples =
          std::ranges::find(read.accepted, ReadResponseType::kSamples) != read.accepted.end();
      if (!takes_samples) {
        return absl::InvalidArgumentError(
            "native histograms are not sent as chunks: accept SAMPLES as well");
      }
    }
    Answer answer(deps_.limits, *memory, request);
    ASSIGN_OR_RETURN(std::string samples, Samples(deps_, read, answer));
    Response response;
    response.content_type = "application/x-protobuf";
    response.headers.emplace_back("Content-Encoding", "snappy");
    response.body = std::move(samples);
    return response;
  }

  static Response ChunksResponse(std::string frames) {
    Response response;
    response.content_type = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    response.compressible = false;  // the client does not ask for it, and chunks are dense
    response.body = std::move(frames);
    return response;
  }

  const RemoteReadDeps deps_;
  query::ConcurrencyGate gate_;
  prometheus::Gauge& running_;
};

}  // namespace

void RegisterRemoteRead(Router& router, RemoteReadDeps deps) {
  const auto handler = std::make_shared<RemoteRead>(std::move(deps));
  router.Add({"POST"}, "/api/v1/read",
             [handler](const Request& request) { return handler->Handle(request); });
}

}  // namespace slowburn::api
