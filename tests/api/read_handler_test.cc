#include "api/read_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/read_request.h"
#include "api/xor_chunk.h"
#include "ingest/wire_reader.h"
#include "prometheus/registry.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

using ingest::WireField;
using ingest::WireReader;
using ::testing::ElementsAre;
using testing::IsCode;

// A second reading of the format, as far from the writer as can be.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t Bits(int n) {
    uint64_t v = 0;
    for (; n > 0; --n, ++at_) {
      v = v << 1 | ((static_cast<unsigned char>(bytes_.at(at_ / 8)) >> (7 - at_ % 8)) & 1);
    }
    return v;
  }
  uint64_t Uvarint() {
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      const uint64_t b = Bits(8);
      v |= (b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
  }
  int64_t Signed(int n) {
    const uint64_t v = Bits(n);
    // The largest positive value of n bits is 2^(n-1), as Prometheus has it.
    return v > uint64_t{1} << (n - 1) ? int64_t(v) - (int64_t{1} << n) : int64_t(v);
  }

 private:
  const std::string_view bytes_;
  size_t at_ = 0;
};

std::vector<tsdb::Sample> DecodeXorChunk(std::string_view bytes) {
  BitReader r(bytes);
  std::vector<tsdb::Sample> out(r.Bits(16));
  uint64_t v = 0;
  int64_t t = 0, delta = 0;
  int leading = 0, meaningful = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i == 0) {
      const uint64_t z = r.Uvarint();
      t = int64_t(z >> 1) ^ -int64_t(z & 1);
      v = r.Bits(64);
    } else {
      if (i == 1) {
        delta = int64_t(r.Uvarint());
      } else if (r.Bits(1)) {
        int64_t dod;
        if (!r.Bits(1)) {
          dod = r.Signed(14);
        } else if (!r.Bits(1)) {
          dod = r.Signed(17);
        } else if (!r.Bits(1)) {
          dod = r.Signed(20);
        } else {
          dod = int64_t(r.Bits(64));
        }
        delta += dod;
      }
      t += delta;
      if (r.Bits(1)) {
        if (r.Bits(1)) {
          leading = int(r.Bits(5));
          meaningful = int(r.Bits(6));
          if (meaningful == 0) meaningful = 64;
        }
        v ^= r.Bits(meaningful) << (64 - leading - meaningful);
      }
    }
    out[i] = {t, std::bit_cast<double>(v)};
  }
  return out;
}

TEST(XorChunk, RandomSamplesComeBack) {
  testing::Random random;
  for (int round = 0; round < 500; ++round) {
    std::vector<tsdb::Sample> samples;
    int64_t t = random.Between(-1'000'000'000, 2'000'000'000'000);
    double v = double(random.Between(0, 1000));
    const int64_t interval = random.Between(1, 60'000);
    const auto n = size_t(random.Between(1, kMaxSamplesPerChunk));
    while (samples.size() < n) {
      switch (random.Between(0, 6)) {
        case 0:
          v = std::bit_cast<double>(random.Next());
          break;
        case 1:
          v = tsdb::StaleNaN();
          break;
        case 2:
          v = std::numeric_limits<double>::infinity();
          break;
        case 3:
          v += 0.1;
          break;
        default:
          break;
      }
      samples.push_back({t, v});
      t += interval;
      if (random.Between(0, 3) == 0) {
        t += random.Between(0, int64_t{1} << random.Between(1, 40));
      }
    }
    EXPECT_EQ(DecodeXorChunk(EncodeXorChunk(samples)), samples);
  }
}

TEST(XorChunk, EveryWidthOfADelta) {
  for (const int width : {14, 17, 20}) {
    const int64_t most = int64_t{1} << (width - 1);
    for (const int64_t dod : {most, most + 1, -most + 1, -most, most - 1}) {
      const std::vector<tsdb::Sample> samples = {
          {0, 1}, {10'000'000, 1}, {20'000'000 + dod, 1}, {30'000'000 + 2 * dod, 2}};
      EXPECT_EQ(DecodeXorChunk(EncodeXorChunk(samples)), samples) << dod;
    }
  }
}

std::string QueryBytes(tsdb::TimestampMs start, tsdb::TimestampMs end,
                       const std::vector<std::tuple<int, std::string, std::string>>& matchers) {
  std::string out;
  ProtoWriter w(out);
  w.Message(1, [&](ProtoWriter& q) {
    q.Int(1, start);
    q.Int(2, end);
    for (const auto& [type, name, value] : matchers) {
      q.Message(3, [&, t = type, n = name, v = value](ProtoWriter& m) {
        m.Int(1, t);
        m.Bytes(2, n);
        m.Bytes(3, v);
      });
    }
    q.Message(4, [](ProtoWriter& hints) { hints.Int(1, 15'000); });
  });
  return out;
}

std::string Types(const std::vector<int>& types) {
  std::string out;
  ProtoWriter w(out);
  for (const int t : types) w.Int(2, t);
  return out;
}

TEST(ParseReadRequest, ReadsQueriesAndTypes) {
  const std::string bytes =
      QueryBytes(-5, 7, {{0, "a", "b"}, {1, "c", ""}, {2, "d", "e.*"}, {3, "f", "g"}}) +
      QueryBytes(1, 2, {}) + Types({1, 0, 9});
  ASSERT_OK_AND_ASSIGN(const ReadRequest request, ParseReadRequest(bytes));
  ASSERT_EQ(request.queries.size(), 2u);
  EXPECT_EQ(request.queries[0].start, -5);
  EXPECT_EQ(request.queries[0].end, 7);
  ASSERT_EQ(request.queries[0].matchers.size(), 4u);
  EXPECT_EQ(request.queries[0].matchers[1].ToString(), "c!=\"\"");
  EXPECT_EQ(request.queries[0].matchers[2].ToString(), "d=~\"e.*\"");
  EXPECT_THAT(request.accepted, ElementsAre(ReadResponseType::kChunks, ReadResponseType::kSamples));
  EXPECT_TRUE(request.names_types);
  std::string packed;
  ProtoWriter w(packed);
  w.Bytes(2, std::string("\x01\x00", 2));
  ASSERT_OK_AND_ASSIGN(const ReadRequest other, ParseReadRequest(packed));
  EXPECT_THAT(other.accepted, ElementsAre(ReadResponseType::kChunks, ReadResponseType::kSamples));
}

TEST(ParseReadRequest, EveryTruncationIsAnErrorOrAShorterRequest) {
  const std::string bytes = QueryBytes(1, 2, {{2, "d", "e.*"}}) + Types({1});
  for (size_t n = 0; n < bytes.size(); ++n) ParseReadRequest(bytes.substr(0, n)).IgnoreError();
  EXPECT_THAT(ParseReadRequest(QueryBytes(1, 2, {{4, "a", "b"}})),
              IsCode(absl::StatusCode::kInvalidArgument, "invalid matcher type"));
  EXPECT_THAT(ParseReadRequest(QueryBytes(1, 2, {{2, "a", "("}})),
              IsCode(absl::StatusCode::kInvalidArgument, "error parsing regexp"));
  EXPECT_FALSE(ParseReadRequest("\xff\xff").ok());
}

class RemoteReadTest : public ::testing::Test {
 protected:
  RemoteReadTest() {
    for (const char* job : {"a", "b"}) {
      std::vector<tsdb::Sample> samples;
      for (int i = 0; i < 300; ++i) samples.push_back({i * 1000, double(i)});
      Append({{"__name__", "up"}, {"job", job}}, samples);
    }
    Make({});
  }

  void Make(RemoteReadLimits limits, size_t memory = size_t{1} << 30) {
    router_ = Router();
    RegisterRemoteRead(router_, {.storage = storage_,
                                 .clock = clock_,
                                 .registry = registry_,
                                 .limits = limits,
                                 .external_labels = [this] { return external_; },
                                 .new_memory =
                                     [this, memory] {
                                       return std::make_shared<query::QueryMemory>(pool_, memory);
                                     }});
  }

  void Append(const tsdb::Labels& labels, const std::vector<tsdb::Sample>& samples) {
    const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
    const auto ref = appender->Resolve(labels, nullptr);
    ASSERT_OK(ref);
    for (const tsdb::Sample& s : samples) appender->Append(*ref, s.t, s.v);
    EXPECT_OK(appender->Commit());
  }

  Response Post(const std::string& bytes) {
    Request request;
    request.method = "POST";
    request.path = "/api/v1/read";
    snappy::Compress(bytes.data(), bytes.size(), &request.body);
    return router_.Route(request);
  }

  struct Read {
    std::vector<std::string> labels;  // k=v,…
    std::vector<std::vector<tsdb::Sample>> samples;
    std::vector<uint64_t> queries;
    size_t histograms = 0, frames = 0;
  };

  static std::string LabelOf(std::string_view pair, std::string_view whole) {
    std::string_view name, value;
    WireReader r(pair, whole);
    for (WireField f; r.Next(f);) r.Bytes(f, f.number == 1 ? name : value);
    return std::string(name) + "=" + std::string(value) + ",";
  }

  static Read ReadSamples(const Response& response) {
    Read out;
    std::string bytes;
    EXPECT_TRUE(snappy::Uncompress(response.body.data(), response.body.size(), &bytes));
    uint64_t query = 0;
    WireReader r(bytes, bytes);
    for (WireField f; r.Next(f); ++query) {
      std::string_view result;
      r.Bytes(f, result);
      WireReader q(result, bytes);
      for (WireField g; q.Next(g);) {
        std::string_view series;
        q.Bytes(g, series);
        out.queries.push_back(query);
        ReadSeries(series, bytes, out);
      }
      EXPECT_OK(q.status());
    }
    EXPECT_OK(r.status());
    return out;
  }

  static void ReadSeries(std::string_view series, std::string_view whole, Read& out) {
    std::string labels;
    std::vector<tsdb::Sample> samples;
    WireReader r(series, whole);
    for (WireField f; r.Next(f);) {
      std::string_view part;
      r.Bytes(f, part);
      if (f.number == 1) labels += LabelOf(part, whole);
      if (f.number == 4) ++out.histograms;
      if (f.number != 2) continue;
      tsdb::Sample sample;
      WireReader s(part, whole);
      for (WireField g; s.Next(g);) g.number == 1 ? s.Double(g, sample.v) : s.Int64(g, sample.t);
      samples.push_back(sample);
    }
    EXPECT_OK(r.status());
    out.labels.push_back(labels);
    out.samples.push_back(std::move(samples));
  }

  static Read ReadFrames(const Response& response) {
    Read out;
    std::string_view rest = response.body;
    while (!rest.empty()) {
      uint64_t size = 0;
      int shift = 0;
      while (true) {
        const auto b = static_cast<unsigned char>(rest.at(0));
        rest.remove_prefix(1);
        size |= uint64_t(b & 0x7f) << shift;
        shift += 7;
        if (b < 0x80) break;
      }
      rest.remove_prefix(4);  // the checksum: a real client judges it in the end-to-end test
      ReadFrame(rest.substr(0, size), out);
      rest.remove_prefix(size);
      ++out.frames;
    }
    return out;
  }

  static void ReadFrame(std::string_view frame, Read& out) {
    std::string labels;
    std::vector<tsdb::Sample> samples;
    uint64_t query = 0;
    WireReader r(frame, frame);
    for (WireField f; r.Next(f);) {
      if (f.number == 2) {
        r.Varint(f, query);
        continue;
      }
      std::string_view series;
      r.Bytes(f, series);
      WireReader s(series, frame);
      for (WireField g; s.Next(g);) {
        std::string_view part;
        s.Bytes(g, part);
        if (g.number == 1) {
          labels += LabelOf(part, frame);
          continue;
        }
        WireReader c(part, frame);
        int64_t from = 0, to = 0;
        for (WireField h; c.Next(h);) {
          std::string_view data;
          if (h.number == 1) c.Int64(h, from);
          if (h.number == 2) c.Int64(h, to);
          if (h.number == 3) c.Skip(h);
          if (h.number != 4) continue;
          c.Bytes(h, data);
          const std::vector<tsdb::Sample> chunk = DecodeXorChunk(data);
          EXPECT_EQ(chunk.front().t, from);
          EXPECT_EQ(chunk.back().t, to);
          samples.insert(samples.end(), chunk.begin(), chunk.end());
        }
      }
    }
    EXPECT_OK(r.status());
    if (!out.labels.empty() && out.labels.back() == labels && out.queries.back() == query) {
      out.samples.back().insert(out.samples.back().end(), samples.begin(), samples.end());
      return;
    }
    out.labels.push_back(labels);
    out.samples.push_back(std::move(samples));
    out.queries.push_back(query);
  }

  testing::FakeClock clock_;
  tsdb::MemoryStorage storage_;
  prometheus::Registry registry_;
  tsdb::Labels external_;
  const std::shared_ptr<query::MemoryPool> pool_ =
      std::make_shared<query::MemoryPool>(size_t{1} << 30);
  Router router_;
};

TEST_F(RemoteReadTest, SendsSamples) {
  const Response response =
      Post(QueryBytes(1000, 3000, {{0, "__name__", "up"}}) + QueryBytes(0, 0, {{0, "job", "b"}}) +
           QueryBytes(0, 0, {{0, "job", "none"}}));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/x-protobuf");
  const Read read = ReadSamples(response);
  EXPECT_THAT(read.labels,
              ElementsAre("__name__=up,job=a,", "__name__=up,job=b,", "__name__=up,job=b,"));
  EXPECT_THAT(read.samples[0],
              ElementsAre(tsdb::Sample{1000, 1}, tsdb::Sample{2000, 2}, tsdb::Sample{3000, 3}));
  EXPECT_THAT(read.samples[2], ElementsAre(tsdb::Sample{0, 0}));
  EXPECT_THAT(read.queries, ElementsAre(0, 0, 1));
}

TEST_F(RemoteReadTest, StreamsChunksInFrames) {
  for (const size_t frame_bytes : {size_t{1} << 20, size_t{1}}) {
    Make({.frame_bytes = frame_bytes});
    const Response response = Post(QueryBytes(0, 1'000'000, {{0, "__name__", "up"}}) +
                                   QueryBytes(5000, 5000, {{0, "job", "a"}}) + Types({1, 0}));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.content_type,
              "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    const Read read = ReadFrames(response);
    EXPECT_THAT(read.labels,
                ElementsAre("__name__=up,job=a,", "__name__=up,job=b,", "__name__=up,job=a,"));
    EXPECT_THAT(read.queries, ElementsAre(0, 0, 1));
    ASSERT_EQ(read.samples[1].size(), 300u);
    EXPECT_EQ(read.samples[1][299], (tsdb::Sample{299'000, 299}));
    EXPECT_THAT(read.samples[2], ElementsAre(tsdb::Sample{5000, 5}));
    // A frame a series, or one for each of its three chunks.
    EXPECT_EQ(read.frames, frame_bytes == 1 ? 7u : 3u);
  }
}

TEST_F(RemoteReadTest, ExternalLabelsAreAddedAndMayBeAskedFor) {
  external_ = {{"region", "eu"}, {"job", "x"}};
  for (const std::vector<int>& types : {std::vector<int>{}, std::vector<int>{1}}) {
    const auto read = [&](std::vector<std::tuple<int, std::string, std::string>> matchers) {
      const Response response = Post(QueryBytes(0, 0, matchers) + Types(types));
      return (types.empty() ? ReadSamples(response) : ReadFrames(response)).labels;
    };
    EXPECT_THAT(read({{0, "region", "eu"}, {0, "job", "a"}}),
                ElementsAre("__name__=up,job=a,region=eu,"));
    EXPECT_THAT(read({{0, "region", "us"}, {0, "job", "a"}}), ElementsAre());
    // job=x is asked of series that have no job.
    EXPECT_THAT(read({{0, "__name__", "up"}, {0, "job", "x"}}), ElementsAre());
  }
}

TEST_F(RemoteReadTest, HistogramsGoAsSamples) {
  tsdb::Histogram h;
  h.count = 3;
  h.sum = 1;
  h.is_float = false;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 2};
  const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
  const auto ref = appender->Resolve({{"__name__", "h"}}, nullptr);
  appender->AppendHistogram(*ref, 5000, std::make_shared<const tsdb::Histogram>(h));
  ASSERT_OK(appender->Commit());
  const std::string query = QueryBytes(0, 10'000, {{0, "__name__", "h"}});
  const Response both = Post(query + Types({1, 0}));
  EXPECT_EQ(both.content_type, "application/x-protobuf");
  EXPECT_EQ(ReadSamples(both).histograms, 1u);
  const Response chunks = Post(query + Types({1}));
  EXPECT_EQ(chunks.status, 400);
  EXPECT_EQ(chunks.body, "native histograms are not sent as chunks: accept SAMPLES as well\n");
}

TEST_F(RemoteReadTest, LimitsHold) {
  const std::string query = QueryBytes(0, 999'999, {{0, "__name__", "up"}});
  Make({.samples = 600});
  EXPECT_EQ(Post(query).status, 200);
  Make({.samples = 599});
  const Response too_many = Post(query);
  EXPECT_EQ(too_many.status, 400);
  EXPECT_EQ(too_many.body, "exceeded sample limit (599)\n");
  Make({.samples = 0});
  EXPECT_EQ(Post(query).status, 200);
  Make({}, 100);
  EXPECT_EQ(Post(query).status, 422);
  EXPECT_EQ(Post(query + Types({1})).status, 422);
}

TEST_F(RemoteReadTest, BadRequestsArePlainText) {
  Request request;
  request.method = "POST";
  request.path = "/api/v1/read";
  request.body = "";
  EXPECT_EQ(router_.Route(request).status, 400);
  request.body = "nonsense";
  EXPECT_EQ(router_.Route(request).status, 400);
  EXPECT_EQ(Post("nonsense").status, 400);
  EXPECT_EQ(Post(Types({7})).status, 400);
  EXPECT_EQ(Post("").status, 200);
  request.method = "GET";
  EXPECT_EQ(router_.Route(request).status, 405);
}

}  // namespace
}  // namespace slowburn::api
