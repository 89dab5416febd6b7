#include "api/write_handler.h"

#include <snappy.h>
#include <zstd.h>

#include <memory>
#include <string>

#include "base/metrics.h"
#include "tests/ingest/write_request_builder.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

using slowburn::testing::EncodeRequest;
using slowburn::testing::EncodeSeries;

std::string Snappy(const std::string& text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

class WriteHandlerTest : public ::testing::Test {
 protected:
  WriteHandlerTest() { handler_.Register(router_); }

  Response Post(const std::string& body, const std::string& content_type = "application/x-protobuf",
                const std::string& encoding = "snappy", const std::string& method = "POST",
                const std::string& path = "/api/v1/write") {
    Request request;
    request.method = method;
    request.path = path;
    if (!content_type.empty()) request.headers.emplace_back("content-type", content_type);
    if (!encoding.empty()) request.headers.emplace_back("content-encoding", encoding);
    request.body = body;
    return router_.Route(request);
  }

  const std::string message_ =
      EncodeRequest({EncodeSeries({{"__name__", "up"}}, {{1000, 1}}).str()});
  slowburn::testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  ingest::RemoteWriteIngester ingester_{storage_, {.decoded_bytes = 1000}, clock_, registry_};
  WriteHandler handler_{ingester_, {.max_in_flight_bytes = 10'000}, registry_};
  Router router_;
};

TEST_F(WriteHandlerTest, StoresWith204AndNothingElse) {
  const Response response = Post(Snappy(message_));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  EXPECT_TRUE(response.headers.empty()) << "no Written headers for the first version";
}

TEST_F(WriteHandlerTest, HeadersDecide) {
  const struct {
    const char* content_type;
    const char* encoding;
    int status;
  } kCases[] = {
      {"", "", 204},
      {"application/x-protobuf", "", 204},
      {"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", 204},
      {"Application/X-Protobuf; proto=\"prometheus.WriteRequest\"", "Snappy", 204},
      {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 415},
      {"application/x-protobuf;proto=what", "snappy", 415},
      {"application/json", "snappy", 415},
      {"text/plain", "", 415},
      {"application/x-protobuf", "gzip", 415},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Post(Snappy(message_), c.content_type, c.encoding).status, c.status)
        << c.content_type << " " << c.encoding;
  }
  EXPECT_EQ(Post(Zstd(message_), "application/x-protobuf", "zstd").status, 204)
      << "vmagent's first request";
  EXPECT_EQ(Post(Snappy(message_), "", "", "POST", "/api/v1/push").status, 204);
  EXPECT_EQ(Post("", "", "", "GET").status, 405);
}

TEST_F(WriteHandlerTest, BadBodiesAre400WithTheReason) {
  const Response snappy = Post("garbage");
  EXPECT_EQ(snappy.status, 400);
  EXPECT_THAT(snappy.body, ::testing::HasSubstr("snappy: corrupt input"));
  const Response protobuf = Post(Snappy("\x0a\x7f"));
  EXPECT_EQ(protobuf.status, 400);
  EXPECT_THAT(protobuf.body,
              ::testing::HasSubstr("protobuf: length goes beyond the end at byte 2"));
}

TEST_F(WriteHandlerTest, TooLargeIs413) {
  EXPECT_EQ(Post(Snappy(std::string(1001, 'x'))).status, 413);
  EXPECT_EQ(Post("\xff\xff\xff\xff\x0f").status, 413) << "whatever the body claims";
}

TEST_F(WriteHandlerTest, WhatIsRefusedIsNamedAndTheRestStored) {
  const Response response =
      Post(Snappy(EncodeRequest({EncodeSeries({{"job", "x"}}, {{1, 1}}).str(),
                                 EncodeSeries({{"__name__", "ok"}}, {{1, 1}}).str()})));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      response.body,
      "no metric name in series {job=\"x\"} (1 samples and 1 series refused, 1 samples stored)\n");
  EXPECT_THAT(
      base::ExposeText(registry_),
      ::testing::HasSubstr("slowburn_remote_write_requests_total{result=\"partly_refused\"} 1"));
}

TEST_F(WriteHandlerTest, BytesUnderWayAreLimited) {
  // A store that calls back into the handler: the second request comes while the first is being
  // stored.
  class Nested final : public tsdb::Storage {
   public:
    explicit Nested(tsdb::Storage& inner) : inner_(inner) {}
    std::unique_ptr<tsdb::Appender> NewAppender() override {
      if (during) std::exchange(during, nullptr)();
      return inner_.NewAppender();
    }
    std::unique_ptr<tsdb::Querier> NewQuerier(tsdb::TimeRange range) override {
      return inner_.NewQuerier(range);
    }
    std::vector<tsdb::MetricMetadata> AllMetadata() const override { return {}; }
    std::function<void()> during;

   private:
    tsdb::Storage& inner_;
  };
  Nested nested(storage_);
  ingest::RemoteWriteIngester ingester(nested, {}, clock_, registry_);
  const std::string body = Snappy(message_);
  const auto request = [&] {
    Request r;
    r.body = body;
    return r;
  };
  for (const bool fits : {false, true}) {
    const size_t one = body.size() + message_.size();
    WriteHandler handler(ingester, {.max_in_flight_bytes = fits ? 2 * one : 2 * one - 1},
                         registry_);
    int inner_status = 0;
    std::string retry_after;
    nested.during = [&] {
      const Response response = handler.Handle(request());
      inner_status = response.status;
      for (const auto& [name, value] : response.headers) {
        if (name == "Retry-After") retry_after = value;
      }
    };
    EXPECT_EQ(handler.Handle(request()).status, 204);
    EXPECT_EQ(inner_status, fits ? 204 : 503);
    EXPECT_EQ(retry_after, fits ? "" : "1");
  }
}

}  // namespace
}  // namespace slowburn::api
