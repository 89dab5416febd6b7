#include "api/federate_handler.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/metric_exposition.h"
#include "prometheus/registry.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

tsdb::HistogramPtr CustomHistogram() {
  tsdb::Histogram h;
  h.schema = tsdb::kCustomBucketsSchema;
  h.custom_values = {0.5, 1, 2.5};
  h.positive_spans = {{0, 1}, {1, 2}};
  h.positive_buckets = {3, 4, 5};  // (…, 0.5], (1, 2.5], (2.5, +Inf]
  h.count = 12;
  h.sum = 20;
  return std::make_shared<const tsdb::Histogram>(std::move(h));
}

tsdb::HistogramPtr ExponentialHistogram() {
  tsdb::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 7;
  h.sum = 4;
  h.positive_spans = {{-2, 1}};
  h.positive_buckets = {3};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {2};
  return std::make_shared<const tsdb::Histogram>(std::move(h));
}

class FederationTest : public ::testing::Test {
 protected:
  FederationTest() {
    RegisterFederation(router_, {.storage = storage_,
                                 .clock = clock_,
                                 .registry = registry_,
                                 .external_labels = [this] { return external_; }});
  }

  void Append(const tsdb::Labels& labels, tsdb::TimestampMs t, double v,
              tsdb::HistogramPtr h = nullptr) {
    const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
    const auto ref = appender->Resolve(labels, nullptr);
    ASSERT_OK(ref);
    if (h) {
      appender->AppendHistogram(*ref, t, std::move(h));
    } else {
      appender->Append(*ref, t, v);
    }
    EXPECT_OK(appender->Commit());
  }

  Response Get(std::vector<std::string> matches, std::string accept = "") {
    Request request;
    request.method = "GET";
    request.path = "/federate";
    std::string query;
    for (std::string& m : matches) {
      query += "&match[]=";
      for (const char c : m) query += c == '+' ? std::string("%2B") : std::string(1, c);
    }
    request.params = Params::Parse(query);
    if (!accept.empty()) request.headers.emplace_back("accept", accept);
    return router_.Route(request);
  }

  testing::FakeClock clock_{1'000'000};
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  tsdb::Labels external_;
  Router router_;
};

TEST_F(FederationTest, SendsTheNewestSampleOfEachSeries) {
  Append({{"__name__", "up"}, {"job", "a"}}, 900'000, 0);
  Append({{"__name__", "up"}, {"job", "a"}}, 990'000, 1.5e6);
  Append({{"__name__", "up"}, {"job", "b"}, {"instance", "i\"\\\n"}}, 1'000'000, 1);
  Append({{"__name__", "zeta"}}, 700'001, 2);  // the oldest that still counts
  Append({{"__name__", "old"}}, 699'999, 2);   // out of the lookback
  Append({{"__name__", "future"}}, 1'000'001, 2);
  Append({{"__name__", "gone"}}, 900'000, 1);
  Append({{"__name__", "gone"}}, 990'000, tsdb::StaleNaN());
  const Response response = Get({"{__name__=~\".+\"}", "up"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type,
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  EXPECT_EQ(response.body,
            "# TYPE up untyped\n"
            "up{instance=\"i\\\"\\\\\\n\",job=\"b\"} 1 1000000\n"
            "up{job=\"a\",instance=\"\"} 1.5e+06 990000\n"
            "# TYPE zeta untyped\n"
            "zeta{instance=\"\"} 2 700001\n");
}

TEST_F(FederationTest, AddsExternalLabelsWhereTheyAreMissing) {
  external_ = {{"region", "eu"}, {"instance", "x"}, {"a", "1"}};
  Append({{"__name__", "up"}, {"region", "us"}}, 1'000'000, 1);
  Append({{"region", "nameless"}}, 1'000'000, 1);
  EXPECT_EQ(Get({"{region=~\".+\"}"}).body,
            "# TYPE up untyped\nup{region=\"us\",a=\"1\",instance=\"x\"} 1 1000000\n");
}

TEST_F(FederationTest, ErrorsArePlainText) {
  EXPECT_EQ(Get({}).status, 200);
  EXPECT_EQ(Get({}).body, "");
  const Response bad = Get({"up{"});
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(bad.body, "1:4: parse error: unexpected end of input inside braces\n");
  EXPECT_EQ(Get({"{}"}).status, 400);
}

TEST_F(FederationTest, NamesAreEscapedAsTheScraperWants) {
  Append({{"__name__", "http.time_s"}, {"k8s.pod", "x"}}, 1'000'000, 1);
  const std::string match = "{\"http.time_s\"}";
  EXPECT_EQ(Get({match}).body,
            "# TYPE http_time_s untyped\nhttp_time_s{k8s_pod=\"x\",instance=\"\"} 1 1000000\n");
  const Response utf8 = Get({match}, "text/plain;version=1.0.0;escaping=allow-utf-8");
  EXPECT_EQ(utf8.content_type, "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
  EXPECT_EQ(utf8.body,
            "# TYPE \"http.time_s\" untyped\n"
            "{\"http.time_s\",\"k8s.pod\"=\"x\",instance=\"\"} 1 1000000\n");
}

TEST_F(FederationTest, CustomBucketsBecomeClassicOnes) {
  Append({{"__name__", "h"}}, 1'000'000, 0, CustomHistogram());
  Append({{"__name__", "native"}}, 1'000'000, 0, ExponentialHistogram());
  EXPECT_EQ(Get({"h", "native"}).body,
            "# TYPE h histogram\n"
            "h_bucket{instance=\"\",le=\"0.5\"} 3 1000000\n"
            "h_bucket{instance=\"\",le=\"1\"} 3 1000000\n"
            "h_bucket{instance=\"\",le=\"2.5\"} 7 1000000\n"
            "h_bucket{instance=\"\",le=\"+Inf\"} 12 1000000\n"
            "h_sum{instance=\"\"} 20 1000000\n"
            "h_count{instance=\"\"} 12 1000000\n");
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

TEST_F(FederationTest, ProtobufCarriesFloatsAndHistograms) {
  const std::string accept =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  Append({{"__name__", "up"}, {"a", "b"}, {"instance", "i"}}, 1'000'000, 1);
  const Response response = Get({"up"}, accept);
  EXPECT_EQ(response.content_type,
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited; escaping=underscores");
  EXPECT_EQ(Hex(response.body),
            "2e"                              // the family's length
            "0a027570"                        // name "up"
            "1803"                            // untyped
            "2226"                            // metric
            "0a060a0161120162"                // a="b"
            "0a0d0a08696e7374616e6365120169"  // instance="i"
            "2a0909000000000000f03f"          // untyped value 1
            "30c0843d");                      // 1000000
}

TEST(NegotiateExposition, TakesWhatIsWantedMost) {
  using Kind = ExpositionFormat::Kind;
  const std::string proto =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  struct Case {
    std::string accept;
    Kind kind;
    NameEscaping escaping;
  };
  const Case cases[] = {
      {"", Kind::kText004, NameEscaping::kUnderscores},
      {"*/*", Kind::kText004, NameEscaping::kUnderscores},
      {proto, Kind::kProtoDelimited, NameEscaping::kUnderscores},
      {proto + ";q=0.1,text/plain;version=0.0.4", Kind::kText004, NameEscaping::kUnderscores},
      // What Prometheus sends by default.
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,text/"
       "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       Kind::kText100, NameEscaping::kAllowUtf8},
      {"text/plain;version=2.0.0", Kind::kText004, NameEscaping::kUnderscores},
      {"text/plain; version=0.0.4; escaping=dots", Kind::kText004, NameEscaping::kDots},
      {"text/plain;escaping=values", Kind::kText004, NameEscaping::kValues},
      {"text/plain;escaping=nonsense", Kind::kText004, NameEscaping::kUnderscores},
      {";;,,=;q=x,", Kind::kText004, NameEscaping::kUnderscores},
  };
  for (const Case& c : cases) {
    const ExpositionFormat format = NegotiateExposition(c.accept);
    EXPECT_EQ(format.kind, c.kind) << c.accept;
    EXPECT_EQ(format.escaping, c.escaping) << c.accept;
  }
}

TEST(EscapeName, FourWays) {
  struct Case {
    const char *name, *underscores, *dots, *values;
  };
  const Case cases[] = {
      {"up", "up", "up", "up"},
      {"a_b", "a_b", "a__b", "a_b"},
      {"http.status:x", "http_status:x", "http_dot_status:x", "U__http_2e_status:x"},
      {"a_b.c", "a_b_c", "a__b_dot_c", "U__a__b_2e_c"},
      {"1a", "_a", "__a", "U___31_a"},
      {"a\xc3\xa9", "a_", "a__", "U__a_e9_"},
      {"", "", "", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(EscapeName(c.name, NameEscaping::kUnderscores), c.underscores);
    EXPECT_EQ(EscapeName(c.name, NameEscaping::kDots), c.dots);
    EXPECT_EQ(EscapeName(c.name, NameEscaping::kValues), c.values);
    EXPECT_EQ(EscapeName(c.name, NameEscaping::kAllowUtf8), c.name);
  }
}

}  // namespace
}  // namespace slowburn::api
