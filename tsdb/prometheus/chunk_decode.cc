#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/chunk.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr size_t kXorHeader = 2, kLongHeader = 3;
constexpr uint8_t kReset = 0x80, kNotReset = 0x40, kGauge = 0xC0, kResetMask = 0xC0;
constexpr uint16_t kCountWithStart = 0x3FFF;  // the two bits above are the reset header
constexpr double kCustomScale = 1000;
constexpr int kZeroThresholdBias = 243;
constexpr uint64_t kMaxBuckets = uint64_t{1} << 20;  // of one side

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("the chunk ", std::string(what)));
}

absl::Status EndsEarly() { return Damaged("ends within a sample"); }

// Start timestamps, in the encodings that have them: bits behind each sample from one on.
class Starts {
 public:
  explicit Starts(uint8_t header) : first_known_((header & 0x80) != 0), from_(header & 0x7F) {}

  // Of the sample number `i`, with the times of it and of the one before.
  TimestampMs Read(BitReader& in, size_t i, TimestampMs t, TimestampMs before) {
    if (i == 0) {
      if (first_known_) start_ = Minus(t, in.Varint());
    } else if (from_ > 0 && i >= from_) {
      const int64_t step = in.VarbitInt();
      age_ = i == from_ ? step : static_cast<int64_t>(uint64_t(age_) + uint64_t(step));
      start_ = Minus(before, age_);
    }
    return start_;
  }

 private:
  static TimestampMs Minus(TimestampMs t, int64_t age) {
    return static_cast<TimestampMs>(static_cast<uint64_t>(t) - static_cast<uint64_t>(age));
  }
  bool first_known_;
  size_t from_;
  TimestampMs start_ = 0;
  int64_t age_ = 0;
};

TimestampMs Plus(TimestampMs t, int64_t by) {
  return static_cast<TimestampMs>(static_cast<uint64_t>(t) + static_cast<uint64_t>(by));
}

// 10, 110, 1110 and 1111 in front of 14, 17, 20 and 64 bits.
int64_t ReadTimeStep(BitReader& in) {
  static constexpr unsigned kWidths[] = {0, 14, 17, 20, 64};
  const unsigned width = kWidths[in.Ones(4)];
  return width == 0 ? 0 : SignedBits(in.Bits(width), width);
}

absl::Status DecodeXor(std::string_view data, Columns& out) {
  const size_t count = ByteReader(data).Be16();
  BitReader in(data.substr(kXorHeader));
  TimestampMs t = 0;
  int64_t step = 0;
  double v = 0;
  XorState window;
  for (size_t i = 0; i < count; ++i) {
    if (i == 0) {
      t = in.Varint();
      v = in.Double();
    } else {
      step = i == 1 ? static_cast<int64_t>(in.Uvarint()) : Plus(step, ReadTimeStep(in));
      t = Plus(t, step);
      v = window.Read(in, v);
    }
    if (!in.ok()) return EndsEarly();
    out.t.push_back(t);
    out.v.push_back(v);
  }
  return absl::OkStatus();
}

// XOR2: one prefix for time and value.
class Xor2Decoder {
 public:
  explicit Xor2Decoder(std::string_view data)
      : count_(ByteReader(data).Be16()),
        in_(data.substr(kLongHeader)),
        starts_(static_cast<uint8_t>(data[2])) {}

  absl::Status Decode(Columns& out) {
    for (size_t i = 0; i < count_; ++i) {
      const TimestampMs before = t_;
      if (i == 0) {
        t_ = in_.Varint();
        v_ = in_.Double();
        if (!IsStaleNaN(v_)) base_ = v_;
      } else if (i == 1) {
        step_ = static_cast<int64_t>(in_.Uvarint());
        t_ = Plus(t_, step_);
        ReadValue();
      } else {
        ReadJoint();
      }
      const TimestampMs start = starts_.Read(in_, i, t_, before);
      if (!in_.ok()) return EndsEarly();
      out.Add(t_, v_, nullptr, start);
    }
    return absl::OkStatus();
  }

 private:
  void ReadJoint() {
    const unsigned ones = in_.Ones(5);
    static constexpr unsigned kWidths[] = {0, 0, 13, 20, 64, 0};
    const unsigned width = kWidths[ones];
    if (width > 0) {
      uint64_t bits = in_.Bits(width);  // two's complement, unlike elsewhere
      if (width < 64 && bits >= uint64_t{1} << (width - 1)) bits -= uint64_t{1} << width;
      step_ = Plus(step_, static_cast<int64_t>(bits));
    }
    t_ = Plus(t_, step_);
    if (ones == 0) {
      v_ = base_;
    } else if (ones == 1) {
      base_ = in_.Bit() ? window_.ReadNewWindow(in_, base_) : window_.ReadInWindow(in_, base_);
      v_ = base_;
    } else if (ones == 5) {
      v_ = StaleNaN();
    } else {
      ReadValue();
    }
  }

  void ReadValue() {
    switch (in_.Ones(3)) {
      case 0:
        break;
      case 1:
        base_ = window_.ReadInWindow(in_, base_);
        break;
      case 2:
        base_ = window_.ReadNewWindow(in_, base_);
        break;
      default:
        v_ = StaleNaN();
        return;
    }
    v_ = base_;
  }

  const size_t count_;
  BitReader in_;
  Starts starts_;
  TimestampMs t_ = 0;
  int64_t step_ = 0;
  double v_ = 0, base_ = 0;  // base: the last value that was not stale
  XorState window_;
};

class HistogramDecoder {
 public:
  HistogramDecoder(std::string_view data, bool is_float, bool with_start)
      : count_(ByteReader(data).Be16()),
        in_(data.substr(kLongHeader)),
        starts_(with_start ? static_cast<uint8_t>(data[2]) : 0),
        header_(static_cast<uint8_t>(with_start ? data[0] : data[2]) & kResetMask) {
    if (with_start) count_ &= kCountWithStart;
    layout_.is_float = is_float;
  }

  absl::Status Decode(Columns& out) {
    TimestampMs t = 0;
    int64_t step = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (i == 0) RETURN_IF_ERROR(ReadLayout());
      const TimestampMs before = t;
      step = Plus(step, in_.VarbitInt());
      t = i == 0 ? step : Plus(t, step);
      if (i == 0) step = 0;
      const bool stale = layout_.is_float ? ReadDoubles(i == 0) : ReadIntegers(i == 0);
      const TimestampMs start = starts_.Read(in_, i, t, before);
      if (!in_.ok()) return EndsEarly();
      out.Add(t, 0, stale ? Stale() : Sample(i == 0), start);
    }
    return absl::OkStatus();
  }

 private:
  struct Bucket {
    int64_t count = 0, step = 0;
    double value = 0;
    XorState window;
  };

  absl::Status ReadLayout() {
    layout_.zero_threshold = ReadZeroThreshold();
    layout_.schema = static_cast<int32_t>(in_.VarbitInt());
    RETURN_IF_ERROR(ReadSpans(layout_.positive_spans, positive_));
    RETURN_IF_ERROR(ReadSpans(layout_.negative_spans, negative_));
    if (layout_.schema == kCustomBucketsSchema) {
      const uint64_t bounds = in_.VarbitUint();
      if (bounds > in_.left()) return EndsEarly();
      for (uint64_t i = 0; i < bounds; ++i) layout_.custom_values.push_back(ReadBound());
    }
    return in_.ok() ? absl::OkStatus() : EndsEarly();
  }

  double ReadZeroThreshold() {
    const auto code = static_cast<int>(in_.Bits(8));
    if (code == 0) return 0;
    return code == 255 ? in_.Double() : std::ldexp(0.5, code - kZeroThresholdBias);
  }

  absl::Status ReadSpans(std::vector<HistogramSpan>& spans, std::vector<Bucket>& buckets) {
    const uint64_t count = in_.VarbitUint();
    if (count > in_.left()) return EndsEarly();
    uint64_t places = 0;
    for (uint64_t i = 0; i < count && in_.ok(); ++i) {
      HistogramSpan span;
      span.length = static_cast<uint32_t>(in_.VarbitUint());
      span.offset = static_cast<int32_t>(in_.VarbitInt());
      places += span.length;
      spans.push_back(span);
    }
    // Every bucket takes at least a bit of the first sample.
    if (places > in_.left() || places > kMaxBuckets)
      return Damaged(absl::StrCat("claims to have ", places, " buckets"));
    buckets.resize(places);
    return absl::OkStatus();
  }

  double ReadBound() {
    const uint64_t code = in_.VarbitUint();
    return code == 0 ? in_.Double() : static_cast<double>(code - 1) / kCustomScale;
  }

  int64_t ReadInteger(Bucket& bucket, bool first) {
    const int64_t read = in_.VarbitInt();
    if (first) {
      bucket.count = read;
    } else {
      bucket.step = Plus(bucket.step, read);
      bucket.count = Plus(bucket.count, bucket.step);
    }
    return bucket.count;
  }

  bool ReadIntegers(bool first) {
    if (first) {
      total_.count = static_cast<int64_t>(in_.VarbitUint());
      zero_.count = static_cast<int64_t>(in_.VarbitUint());
      sum_.value = in_.Double();
    } else {
      ReadInteger(total_, false);
      ReadInteger(zero_, false);
      sum_.value = sum_.window.Read(in_, sum_.value);
    }
    if (!first && IsStaleNaN(sum_.value)) return true;  // without buckets
    // A bucket is coded as the difference to the one before it.
    for (std::vector<Bucket>* side : {&positive_, &negative_}) {
      int64_t absolute = 0;
      for (Bucket& bucket : *side) {
        absolute = Plus(absolute, ReadInteger(bucket, first));
        bucket.value = static_cast<double>(absolute);
      }
    }
    total_.value = static_cast<double>(static_cast<uint64_t>(total_.count));
    zero_.value = static_cast<double>(static_cast<uint64_t>(zero_.count));
    return IsStaleNaN(sum_.value);
  }

  bool ReadDoubles(bool first) {
    const auto read = [&](Bucket& bucket) {
      bucket.value = first ? in_.Double() : bucket.window.Read(in_, bucket.value);
    };
    read(total_);
    read(zero_);
    read(sum_);
    if (!first && IsStaleNaN(sum_.value)) return true;
    for (Bucket& bucket : positive_) read(bucket);
    for (Bucket& bucket : negative_) read(bucket);
    return IsStaleNaN(sum_.value);
  }

  HistogramPtr Stale() const {
    auto h = std::make_shared<Histogram>();
    h->is_float = layout_.is_float;
    h->sum = StaleNaN();
    return h;
  }

  HistogramPtr Sample(bool first) const {
    auto h = std::make_shared<Histogram>(layout_);
    h->count = total_.value;
    h->zero_count = zero_.value;
    h->sum = sum_.value;
    const auto copy = [](const std::vector<Bucket>& from, std::vector<double>& to) {
      to.reserve(from.size());
      for (const Bucket& bucket : from) to.push_back(bucket.value);
    };
    copy(positive_, h->positive_buckets);
    copy(negative_, h->negative_buckets);
    h->reset_hint = Hint(first);
    return h;
  }

  Histogram::ResetHint Hint(bool first) const {
    if (header_ == kGauge) return Histogram::ResetHint::kGauge;
    if (!first || header_ == kNotReset) return Histogram::ResetHint::kNotReset;
    return header_ == kReset ? Histogram::ResetHint::kReset : Histogram::ResetHint::kUnknown;
  }

  size_t count_;
  BitReader in_;
  Starts starts_;
  const uint8_t header_;
  Histogram layout_;
  Bucket total_, zero_, sum_;
  std::vector<Bucket> positive_, negative_;
};

absl::Status CheckTimes(const Columns& columns) {
  const auto place =
      std::adjacent_find(columns.t.begin(), columns.t.end(), std::greater_equal<TimestampMs>());
  if (place == columns.t.end()) return absl::OkStatus();
  return Damaged(absl::StrCat("has time ", place[1], " after ", place[0]));
}

}  // namespace

std::string EncodingName(uint8_t encoding) {
  static constexpr const char* kNames[] = {
      "none", "XOR", "histogram", "floathistogram", "XOR2", "histogramST", "floathistogramST"};
  if (encoding < std::size(kNames)) return kNames[encoding];
  return absl::StrCat("number ", encoding);
}

absl::Status DecodeChunk(uint8_t encoding, std::string_view data, Columns& out) {
  out.Clear();
  const auto kind = static_cast<Encoding>(encoding);
  if (encoding < static_cast<uint8_t>(Encoding::kXor) ||
      encoding > static_cast<uint8_t>(Encoding::kFloatHistogramWithStart)) {
    return absl::UnimplementedError(absl::StrCat(
        "a chunk has the encoding ", EncodingName(encoding), ", which this version cannot read"));
  }
  if (data.size() > kMaxChunkBytes) return Damaged(absl::StrCat("has ", data.size(), " bytes"));
  if (data.size() < (kind == Encoding::kXor ? kXorHeader : kLongHeader))
    return Damaged("has no header");
  absl::Status status;
  switch (kind) {
    case Encoding::kXor:
      status = DecodeXor(data, out);
      break;
    case Encoding::kXor2:
      status = Xor2Decoder(data).Decode(out);
      break;
    case Encoding::kHistogram:
    case Encoding::kFloatHistogram:
      status = HistogramDecoder(data, kind == Encoding::kFloatHistogram, false).Decode(out);
      break;
    case Encoding::kHistogramWithStart:
    case Encoding::kFloatHistogramWithStart:
      status = HistogramDecoder(data, kind == Encoding::kFloatHistogramWithStart, true).Decode(out);
      break;
  }
  RETURN_IF_ERROR(status);
  return CheckTimes(out);
}

}  // namespace slowburn::tsdb::prom
