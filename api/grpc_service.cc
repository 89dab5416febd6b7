#include "api/grpc_service.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "api/grpc_convert.h"
#include "base/mutex.h"
#include "slowburn/v1/slowburn.grpc.pb.h"

namespace slowburn::api {
namespace {

constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinClientPingMs = 10'000;
constexpr int kSpareThreads = 16;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

// Counts what runs; refuses what is over the limit.
class StreamSlots {
 public:
  StreamSlots(int limit, prometheus::Gauge& running, prometheus::Counter& refused)
      : limit_(limit), running_(running), refused_(refused) {}

  class Slot {
   public:
    explicit Slot(StreamSlots* slots) : slots_(slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    ~Slot() {
      if (slots_ != nullptr) slots_->Leave();
    }
    explicit operator bool() const { return slots_ != nullptr; }

   private:
    StreamSlots* slots_;
  };

  Slot Enter() {
    if (taken_.fetch_add(1) >= limit_) {
      taken_.fetch_sub(1);
      refused_.Increment();
      return Slot(nullptr);
    }
    running_.Increment();
    return Slot(this);
  }
  grpc::Status Refusal() const {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED,
            "more than " + std::to_string(limit_) + " gRPC streams at once: try again later"};
  }

 private:
  void Leave() {
    taken_.fetch_sub(1);
    running_.Decrement();
  }
  const int limit_;
  std::atomic<int> taken_{0};
  prometheus::Gauge& running_;
  prometheus::Counter& refused_;
};

class WriteService final : public v1::Write::Service {
 public:
  WriteService(ingest::RemoteWriteIngester& ingester, StreamSlots& slots)
      : ingester_(ingester), slots_(slots) {}

  grpc::Status Push(grpc::ServerContext* /*context*/,
                    grpc::ServerReader<prompb::WriteRequest>* reader,
                    v1::WriteStats* stats) override {
    const StreamSlots::Slot slot = slots_.Enter();
    if (!slot) return slots_.Refusal();
    prompb::WriteRequest request;
    std::string bytes;
    while (reader->Read(&request)) {
      bytes.clear();
      request.SerializeToString(&bytes);
      const absl::StatusOr<ingest::WriteOutcome> outcome = ingester_.IngestMessage(bytes);
      if (!outcome.ok()) return ToGrpc(outcome.status());
      stats->set_requests(stats->requests() + 1);
      stats->set_samples(stats->samples() + outcome->samples);
      stats->set_histograms(stats->histograms() + outcome->histograms);
      stats->set_exemplars(stats->exemplars() + outcome->exemplars);
      stats->set_refused_samples(stats->refused_samples() + outcome->refused_samples);
      if (stats->first_refusal().empty()) stats->set_first_refusal(outcome->first_refusal);
    }
    return grpc::Status::OK;
  }

 private:
  ingest::RemoteWriteIngester& ingester_;
  StreamSlots& slots_;
};

// Sets a flag when the client goes, for as long as it lives: the engine looks at flags, gRPC's sync
// API answers when asked.
class CancelWatch {
 public:
  explicit CancelWatch(grpc::ServerContext* context)
      : context_(context), thread_([this] { Watch(); }) {}
  ~CancelWatch() {
    {
      base::MutexLock lock(mu_);
      done_ = true;
    }
    wake_.NotifyAll();
    thread_.join();
  }
  const std::atomic<bool>* flag() const { return &cancelled_; }

 private:
  static constexpr std::chrono::milliseconds kEvery{20};
  void Watch() {
    base::MutexLock lock(mu_);
    while (!done_ && !cancelled_) {
      cancelled_ = context_->IsCancelled();
      if (!cancelled_) wake_.WaitFor(mu_, kEvery);
    }
  }

  grpc::ServerContext* const context_;
  std::atomic<bool> cancelled_{false};
  base::Mutex mu_;
  base::CondVar wake_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

class QueryService final : public v1::Query::Service {
 public:
  QueryService(query::Engine& engine, const base::Clock& clock, StreamSlots& slots)
      : engine_(engine), clock_(clock), slots_(slots) {}

  grpc::Status Instant(grpc::ServerContext* context, const v1::QueryRequest* request,
                       grpc::ServerWriter<v1::SeriesBatch>* writer) override {
    return Run("Instant", context, *request, writer, [&](const query::QueryOptions& options) {
      const base::TimestampMs t = request->time_ms() != 0 ? request->time_ms() : clock_.Now();
      return engine_.Instant(request->query(), t, options);
    });
  }

  grpc::Status Range(grpc::ServerContext* context, const v1::QueryRequest* request,
                     grpc::ServerWriter<v1::SeriesBatch>* writer) override {
    return Run("Range", context, *request, writer, [&](const query::QueryOptions& options) {
      return engine_.Range(request->query(), request->start_ms(), request->end_ms(),
                           request->step_ms(), options);
    });
  }

 private:
  grpc::Status Run(
      const char* method, grpc::ServerContext* context, const v1::QueryRequest& request,
      grpc::ServerWriter<v1::SeriesBatch>* writer,
      const std::function<absl::StatusOr<query::QueryResult>(const query::QueryOptions&)>&
          evaluate) {
    const StreamSlots::Slot slot = slots_.Enter();
    if (!slot) return slots_.Refusal();
    const CancelWatch watch(context);
    query::QueryOptions options;
    options.cancelled = watch.flag();
    options.origin.client = context->peer();
    options.origin.method = "gRPC";
    options.origin.path = absl::StrCat("/slowburn.v1.Query/", method);
    if (request.timeout_ms() > 0) options.timeout_ms = request.timeout_ms();
    if (request.lookback_ms() > 0) options.lookback_ms = request.lookback_ms();
    const absl::StatusOr<query::QueryResult> result = evaluate(options);
    if (!result.ok()) return ToGrpc(result.status());
    // Write blocks while the client's window is full: a slow reader costs one message, not the
    // result twice.
    StreamResult(*result, [&](const v1::SeriesBatch& batch) { return writer->Write(batch); });
    return grpc::Status::OK;
  }

  query::Engine& engine_;
  const base::Clock& clock_;
  StreamSlots& slots_;
};

}  // namespace

struct GrpcServer::Impl {
  Impl(const GrpcOptions& options, ingest::RemoteWriteIngester& ingester, query::Engine& engine,
       const base::Clock& clock, prometheus::Registry& registry)
      : slots(options.max_streams,
              base::AddGauge(registry, "slowburn_grpc_streams", "gRPC calls under way."),
              base::AddCounter(registry, "slowburn_grpc_streams_refused_total",
                               "gRPC calls refused over the limit.")),
        write(ingester, slots),
        query(engine, clock, slots) {}

  StreamSlots slots;
  WriteService write;
  QueryService query;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() { Stop(0); }
int GrpcServer::port() const { return impl_->port; }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcOptions options,
                                                              ingest::RemoteWriteIngester& ingester,
                                                              query::Engine& engine,
                                                              const base::Clock& clock,
                                                              prometheus::Registry& registry) {
  auto impl = std::make_unique<Impl>(options, ingester, engine, clock, registry);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  // Else a second server would share the port in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  // A client that vanished without a word is noticed within a minute and a half.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinClientPingMs);
  // Threads: one for each stream that runs, a few to refuse the others and for health and
  // reflection.
  grpc::ResourceQuota quota("slowburn_grpc");
  quota.SetMaxThreads(options.max_streams + kSpareThreads);
  builder.SetResourceQuota(quota);
  builder.AddListeningPort(options.listen_address, grpc::InsecureServerCredentials(), &impl->port);
  builder.RegisterService(&impl->write);
  builder.RegisterService(&impl->query);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return absl::UnavailableError("cannot listen for gRPC on " + options.listen_address +
                                  ": is the port taken? (--grpc.listen-address)");
  }
  impl->server->GetHealthCheckService()->SetServingStatus(true);
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

void GrpcServer::Stop(base::DurationMs drain_ms) {
  if (impl_->server == nullptr) return;
  impl_->server->GetHealthCheckService()->SetServingStatus(false);
  impl_->server->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(drain_ms, GPR_TIMESPAN)));
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace slowburn::api
