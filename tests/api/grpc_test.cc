// A real channel to a free port of 127.0.0.1, over a storage in memory.
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "api/grpc_service.h"
#include "ingest/remote_write.h"
#include "query/engine.h"
#include "slowburn/v1/slowburn.grpc.pb.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

constexpr base::TimestampMs kNow = 1'700'000'000'000;

// One series of one sample each.
prompb::WriteRequest Written(const std::string& metric, const std::string& job, int64_t t,
                             double value) {
  prompb::WriteRequest request;
  prompb::TimeSeries* series = request.add_timeseries();
  const auto add_label = [&](const char* name, const std::string& text) {
    prompb::Label* label = series->add_labels();
    label->set_name(name);
    label->set_value(text);
  };
  add_label("__name__", metric);
  add_label("job", job);
  prompb::Sample* sample = series->add_samples();
  sample->set_timestamp(t);
  sample->set_value(value);
  return request;
}

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest()
      : clock_(kNow),
        ingester_(storage_, {}, clock_, registry_),
        engine_(storage_, clock_, {}, registry_) {}

  void Start(GrpcOptions options = {}) {
    options.listen_address = "127.0.0.1:0";
    auto server = GrpcServer::Start(std::move(options), ingester_, engine_, clock_, registry_);
    ASSERT_OK(server);
    server_ = *std::move(server);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    write_ = v1::Write::NewStub(channel_);
    query_ = v1::Query::NewStub(channel_);
  }

  grpc::Status Push(const std::vector<prompb::WriteRequest>& requests, v1::WriteStats& stats) {
    grpc::ClientContext context;
    const auto writer = write_->Push(&context, &stats);
    for (const prompb::WriteRequest& request : requests) {
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }

  struct Answer {
    grpc::Status status;
    std::vector<v1::SeriesBatch> batches;  // without the end
    v1::QueryEnd end;
    int ends = 0;
  };
  static Answer Collect(grpc::ClientReader<v1::SeriesBatch>& reader) {
    Answer answer;
    v1::SeriesBatch batch;
    while (reader.Read(&batch)) {
      if (batch.has_end()) {
        answer.end = batch.end();
        ++answer.ends;
      } else {
        EXPECT_EQ(answer.ends, 0) << "a batch after the end";
        answer.batches.push_back(batch);
      }
    }
    answer.status = reader.Finish();
    return answer;
  }
  Answer Instant(const std::string& text) {
    grpc::ClientContext context;
    v1::QueryRequest request;
    request.set_query(text);
    return Collect(*query_->Instant(&context, request));
  }
  Answer Range(const std::string& text, int64_t start, int64_t end, int64_t step) {
    grpc::ClientContext context;
    v1::QueryRequest request;
    request.set_query(text);
    request.set_start_ms(start);
    request.set_end_ms(end);
    request.set_step_ms(step);
    return Collect(*query_->Range(&context, request));
  }

  testing::FakeClock clock_;
  prometheus::Registry registry_;
  tsdb::MemoryStorage storage_;
  ingest::RemoteWriteIngester ingester_;
  query::Engine engine_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Write::Stub> write_;
  std::unique_ptr<v1::Query::Stub> query_;
};

TEST_F(GrpcServerTest, WhatIsPushedCanBeQueried) {
  Start();
  v1::WriteStats stats;
  ASSERT_TRUE(
      Push({Written("up", "a", kNow - 2000, 1), Written("up", "b", kNow - 1000, 2)}, stats).ok());
  EXPECT_EQ(stats.requests(), 2u);
  EXPECT_EQ(stats.samples(), 2u);
  EXPECT_EQ(stats.refused_samples(), 0u);
  EXPECT_EQ(stats.first_refusal(), "");

  const Answer answer = Instant("up");
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.batches.size(), 2u);
  EXPECT_EQ(answer.batches[0].labels(1).name(), "job");
  EXPECT_EQ(answer.batches[0].labels(1).value(), "a");
  EXPECT_EQ(answer.batches[1].values(0), 2);
  EXPECT_EQ(answer.batches[1].timestamps_ms(0), kNow);
  EXPECT_EQ(answer.ends, 1);
  EXPECT_EQ(answer.end.result_type(), "vector");
  EXPECT_GE(answer.end.samples_total(), 2);
}

TEST_F(GrpcServerTest, RefusedSamplesAreCountedAndNamed) {
  Start();
  v1::WriteStats stats;
  ASSERT_TRUE(
      Push({Written("up", "a", kNow, 1), Written("up", "a", kNow, 2), Written("up", "a", kNow, 1)},
           stats)
          .ok());
  EXPECT_EQ(stats.requests(), 3u);
  EXPECT_EQ(stats.samples(), 2u);
  EXPECT_EQ(stats.refused_samples(), 1u);
  EXPECT_NE(stats.first_refusal().find("up"), std::string::npos) << stats.first_refusal();
}

TEST_F(GrpcServerTest, HistogramsTravelBothWays) {
  Start();
  prompb::WriteRequest request = Written("h", "a", 0, 0);
  request.mutable_timeseries(0)->clear_samples();
  prompb::Histogram* h = request.mutable_timeseries(0)->add_histograms();
  h->set_timestamp(kNow);
  h->set_count_int(6);
  h->set_sum(10.5);
  h->set_schema(1);
  h->set_zero_threshold(0.001);
  h->set_zero_count_int(1);
  prompb::BucketSpan* span = h->add_positive_spans();
  span->set_offset(0);
  span->set_length(2);
  h->add_positive_deltas(2);
  h->add_positive_deltas(1);
  v1::WriteStats stats;
  ASSERT_TRUE(Push({request}, stats).ok());
  EXPECT_EQ(stats.histograms(), 1u) << stats.first_refusal();

  const Answer answer = Instant("h");
  ASSERT_EQ(answer.batches.size(), 1u);
  const v1::SeriesBatch& batch = answer.batches[0];
  EXPECT_EQ(batch.values_size(), 0);
  ASSERT_EQ(batch.histograms_size(), 1);
  EXPECT_EQ(batch.histograms(0).count_float(), 6);
  EXPECT_EQ(batch.histograms(0).sum(), 10.5);
  EXPECT_EQ(batch.histograms(0).positive_counts(0), 2);
  EXPECT_EQ(batch.histograms(0).positive_counts(1), 3);
}

TEST_F(GrpcServerTest, LongSeriesComeInBatches) {
  Start();
  v1::WriteStats stats;
  ASSERT_TRUE(Push({Written("up", "a", kNow, 1)}, stats).ok());
  const Answer answer = Range("up * time()", kNow, kNow + 240'000, 96);  // 2501 points
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.batches.size(), 3u);
  int64_t points = 0, last = 0;
  for (const v1::SeriesBatch& batch : answer.batches) {
    EXPECT_LE(batch.values_size(), 1000);
    EXPECT_EQ(batch.labels_size(), 1);
    for (int i = 0; i < batch.values_size(); ++i) {
      EXPECT_GT(batch.timestamps_ms(i), last);
      last = batch.timestamps_ms(i);
      EXPECT_DOUBLE_EQ(batch.values(i), static_cast<double>(last) / 1000);
    }
    points += batch.values_size();
  }
  EXPECT_EQ(points, 2501);
  EXPECT_EQ(answer.end.result_type(), "matrix");
}

TEST_F(GrpcServerTest, ScalarsStringsAndAnnotations) {
  Start();
  const Answer scalar = Instant("1 + 1");
  EXPECT_EQ(scalar.end.result_type(), "scalar");
  ASSERT_EQ(scalar.batches.size(), 1u);
  EXPECT_EQ(scalar.batches[0].values(0), 2);
  const Answer text = Instant("\"x\"");
  EXPECT_EQ(text.end.result_type(), "string");
  EXPECT_EQ(text.end.string_value(), "x");
  v1::WriteStats stats;
  ASSERT_TRUE(
      Push({Written("gauge", "a", kNow - 15000, 1), Written("gauge", "a", kNow, 1)}, stats).ok());
  EXPECT_EQ(Instant("rate(gauge[1m])").end.infos_size(), 1);
}

TEST_F(GrpcServerTest, ErrorsKeepTheirCode) {
  Start();
  struct Case {
    const char* query;
    grpc::StatusCode code;
    const char* reason;
  };
  const Case cases[] = {{"up +", grpc::StatusCode::INVALID_ARGUMENT, "parse error"},
                        {"up * on(job) group_left up", grpc::StatusCode::OK, ""},
                        {"label_replace(up, \"a\", \"$1\", \"job\", \"(\")",
                         grpc::StatusCode::FAILED_PRECONDITION, ""}};
  for (const Case& c : cases) {
    const Answer answer = Instant(c.query);
    EXPECT_EQ(answer.status.error_code(), c.code)
        << c.query << ": " << answer.status.error_message();
    EXPECT_NE(answer.status.error_message().find(c.reason), std::string::npos)
        << answer.status.error_message();
    EXPECT_EQ(answer.ends, answer.status.ok() ? 1 : 0);
  }
  EXPECT_EQ(Range("up", 10, 5, 1).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Range("up", 5, 10, 0).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(GrpcServerTest, MessagesAtTheLimitAndAbove) {
  const prompb::WriteRequest request = Written("up", std::string(500, 'x'), kNow, 1);
  GrpcOptions options;
  options.max_message_bytes = static_cast<int>(request.ByteSizeLong());
  Start(std::move(options));
  v1::WriteStats stats;
  EXPECT_TRUE(Push({request}, stats).ok());
  const grpc::Status refused = Push({Written("up", std::string(501, 'x'), kNow, 1)}, stats);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
}

TEST_F(GrpcServerTest, StreamsAtTheLimitAndAbove) {
  GrpcOptions options;
  options.max_streams = 1;
  Start(std::move(options));
  v1::WriteStats stats;
  grpc::ClientContext context;
  const auto open = write_->Push(&context, &stats);
  ASSERT_TRUE(open->Write(Written("up", "a", kNow, 1)));
  // The stream holds its slot once its first message is stored.
  while (storage_.NewQuerier({})->LabelNames({}, 0)->empty()) {
  }
  const Answer refused = Instant("up");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.status.error_message().find("more than 1 gRPC streams"), std::string::npos);
  open->WritesDone();
  EXPECT_TRUE(open->Finish().ok());
  EXPECT_EQ(stats.samples(), 1u);
  EXPECT_TRUE(Instant("up").status.ok());
}

TEST_F(GrpcServerTest, ACancelledPushKeepsWhatWasStored) {
  Start();
  v1::WriteStats stats;
  grpc::ClientContext context;
  const auto open = write_->Push(&context, &stats);
  ASSERT_TRUE(open->Write(Written("up", "a", kNow, 7)));
  while (storage_.NewQuerier({})->LabelNames({}, 0)->empty()) {
  }
  context.TryCancel();
  EXPECT_EQ(open->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(Instant("up").batches.at(0).values(0), 7);
}

TEST_F(GrpcServerTest, TheClientsDeadlineEndsAQuery) {
  Start();
  std::vector<prompb::WriteRequest> requests;
  for (int i = 0; i < 100; ++i) requests.push_back(Written("m", std::to_string(i), kNow, i));
  v1::WriteStats stats;
  ASSERT_TRUE(Push(requests, stats).ok());
  grpc::ClientContext context;
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(30, GPR_TIMESPAN)));
  // 100 series, 50,000 steps, 100 samples in each window: seconds of work.
  v1::QueryRequest request;
  request.set_query("sum_over_time(m[1s:10ms])");
  request.set_start_ms(kNow);
  request.set_end_ms(kNow + 250'000);
  request.set_step_ms(5);
  const Answer answer = Collect(*query_->Range(&context, request));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED)
      << answer.status.error_message();
  EXPECT_EQ(answer.ends, 0);
  server_->Stop(0);  // returns, for the query ended on the server as well
}

TEST_F(GrpcServerTest, ASlowReaderGetsEverything) {
  Start();
  std::vector<prompb::WriteRequest> requests;
  for (int i = 0; i < 50; ++i)
    requests.push_back(Written("m", "job" + std::to_string(100 + i), kNow, i));
  v1::WriteStats stats;
  ASSERT_TRUE(Push(requests, stats).ok());
  grpc::ClientContext context;
  v1::QueryRequest request;
  request.set_query("m");
  request.set_start_ms(kNow);
  request.set_end_ms(kNow + 200'000);
  request.set_step_ms(100);
  const auto reader = query_->Range(&context, request);
  v1::SeriesBatch batch;
  ASSERT_TRUE(reader->Read(&batch));  // some MiB wait behind this one, more than a window holds
  int64_t points = batch.values_size();
  while (reader->Read(&batch)) points += batch.values_size();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(points, 50 * 2001);
}

TEST_F(GrpcServerTest, StopEndsOpenStreams) {
  Start();
  v1::WriteStats stats;
  grpc::ClientContext context;
  const auto open = write_->Push(&context, &stats);
  ASSERT_TRUE(open->Write(Written("up", "a", kNow, 1)));
  server_->Stop(1);
  EXPECT_FALSE(open->Finish().ok());
  server_->Stop(1);
}

TEST_F(GrpcServerTest, AnAddressInUseIsNamed) {
  Start();
  GrpcOptions options;
  options.listen_address = "127.0.0.1:" + std::to_string(server_->port());
  prometheus::Registry registry;
  EXPECT_THAT(GrpcServer::Start(options, ingester_, engine_, clock_, registry),
              testing::IsCode(absl::StatusCode::kUnavailable, options.listen_address));
}

TEST_F(GrpcServerTest, CountsStreams) {
  GrpcOptions options;
  options.max_streams = 0;
  Start(std::move(options));
  EXPECT_EQ(Instant("up").status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const std::string text = base::ExposeText(registry_);
  EXPECT_NE(text.find("slowburn_grpc_streams 0\n"), std::string::npos);
  EXPECT_NE(text.find("slowburn_grpc_streams_refused_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace slowburn::api
