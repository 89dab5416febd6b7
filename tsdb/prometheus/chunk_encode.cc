#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "tsdb/prometheus/chunk.h"

namespace slowburn::tsdb::prom {
namespace {

// As Prometheus: a chunk of histograms is cut when it is this large, but not before it has samples
// enough to be worth its layout.
constexpr size_t kHistogramChunkBytes = 1024, kFewHistograms = 10;
constexpr double kCustomScale = 1000, kMaxShortBound = 33554430;
constexpr int kZeroThresholdBias = 243;
constexpr uint8_t kReset = 0x80, kNotReset = 0x40, kGauge = 0xC0;

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}
bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return SameBits(x, y); });
}

bool IsGauge(const Histogram& h) { return h.reset_hint == Histogram::ResetHint::kGauge; }

// Counts of integer chunks are not negative, though those of a gauge may be.
bool AsFloats(const Histogram& h) { return h.is_float || h.count < 0 || h.zero_count < 0; }

bool SameLayout(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && SameBits(a.zero_threshold, b.zero_threshold) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         SameBits(a.custom_values, b.custom_values);
}

// Whether something counted less than before, in the same layout.
bool FellBelow(const Histogram& before, const Histogram& h) {
  const auto below = [](const std::vector<double>& old, const std::vector<double>& now) {
    for (size_t i = 0; i < old.size() && i < now.size(); ++i) {
      if (now[i] < old[i]) return true;
    }
    return false;
  };
  return h.count < before.count || h.zero_count < before.zero_count ||
         below(before.positive_buckets, h.positive_buckets) ||
         below(before.negative_buckets, h.negative_buckets);
}

uint8_t Header(const Histogram& h) {
  switch (h.reset_hint) {
    case Histogram::ResetHint::kUnknown:
      return 0;
    case Histogram::ResetHint::kReset:
      return kReset;
    case Histogram::ResetHint::kNotReset:
      return kNotReset;
    case Histogram::ResetHint::kGauge:
      return kGauge;
  }
  return 0;
}

void PutTimeStep(BitWriter& bits, int64_t step) {
  if (step == 0) {
    bits.Bit(false);
  } else if (FitsSigned(step, 14)) {
    bits.Bits(0b10, 2);
    bits.Bits(static_cast<uint64_t>(step), 14);
  } else if (FitsSigned(step, 17)) {
    bits.Bits(0b110, 3);
    bits.Bits(static_cast<uint64_t>(step), 17);
  } else if (FitsSigned(step, 20)) {
    bits.Bits(0b1110, 4);
    bits.Bits(static_cast<uint64_t>(step), 20);
  } else {
    bits.Bits(0b1111, 4);
    bits.Bits(static_cast<uint64_t>(step), 64);
  }
}

void PutZeroThreshold(BitWriter& bits, double threshold) {
  int exponent = 0;
  if (SameBits(threshold, 0)) {
    bits.Bits(0, 8);
  } else if (std::frexp(threshold, &exponent) == 0.5 && exponent >= -242 && exponent <= 11) {
    bits.Bits(static_cast<uint64_t>(exponent + kZeroThresholdBias), 8);
  } else {
    bits.Bits(255, 8);
    bits.Double(threshold);
  }
}

// In thousandths where that gives the same bits back.
void PutBound(BitWriter& bits, double bound) {
  const double scaled = std::round(bound * kCustomScale);
  const bool fits = scaled >= 0 && scaled <= kMaxShortBound;
  const uint64_t whole = fits ? static_cast<uint64_t>(scaled) : 0;
  if (fits && SameBits(static_cast<double>(whole) / kCustomScale, bound)) {
    bits.VarbitUint(whole + 1);
  } else {
    bits.Bit(false);
    bits.Double(bound);
  }
}

}  // namespace

void Columns::Clear() {
  t.clear();
  v.clear();
  histograms.clear();
  starts.clear();
}

void Columns::Add(TimestampMs at, double value, HistogramPtr histogram, TimestampMs start) {
  if (histogram != nullptr && histograms.empty()) histograms.resize(t.size());
  if (start != 0 && starts.empty()) starts.resize(t.size());
  t.push_back(at);
  v.push_back(value);
  if (histogram != nullptr || !histograms.empty()) histograms.push_back(std::move(histogram));
  if (start != 0 || !starts.empty()) starts.push_back(start);
}

void Columns::Append(const SampleBatch& batch, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    Add(batch.t[i], batch.v[i], batch.histograms.empty() ? nullptr : batch.histograms[i],
        batch.starts.empty() ? 0 : batch.starts[i]);
  }
}

bool ChunkEncoder::Full(TimestampMs t, const Histogram* histogram) const {
  if (empty()) return false;
  if (chunk_.samples == kMaxChunkSamples) return true;
  // A step over half of all time does not fit the signed numbers.
  TimestampMs distance = 0;
  if (__builtin_sub_overflow(t, chunk_.max_t, &distance)) return true;
  if (histogram == nullptr) return chunk_.encoding != Encoding::kXor;
  const Histogram& h = *histogram;
  const Encoding wanted = AsFloats(h) ? Encoding::kFloatHistogram : Encoding::kHistogram;
  if (chunk_.encoding != wanted) return true;
  if (h.is_stale()) return false;
  if (stale_ || IsGauge(h) != IsGauge(last_) || !SameLayout(h, last_)) return true;
  if (chunk_.samples >= kFewHistograms && chunk_.data.size() >= kHistogramChunkBytes) return true;
  switch (h.reset_hint) {
    case Histogram::ResetHint::kReset:
      return true;
    case Histogram::ResetHint::kUnknown:
      return FellBelow(last_, h);
    case Histogram::ResetHint::kNotReset:
    case Histogram::ResetHint::kGauge:
      return false;
  }
  return true;
}

void ChunkEncoder::Add(TimestampMs t, double v, const Histogram* histogram) {
  if (empty()) {
    chunk_.min_t = t;
    chunk_.data.assign(2, '\0');  // the number of samples: see Take
  }
  if (histogram == nullptr) {
    AddFloat(t, v);
  } else {
    AddHistogram(t, *histogram);
  }
  chunk_.max_t = t;
  ++chunk_.samples;
}

EncodedChunk ChunkEncoder::Take() {
  chunk_.data[0] = static_cast<char>(chunk_.samples >> 8);
  chunk_.data[1] = static_cast<char>(chunk_.samples);
  EncodedChunk taken = std::move(chunk_);
  chunk_ = {};
  bits_.Restart();
  step_ = 0;
  window_ = {};
  stale_ = false;
  count_ = zero_count_ = sum_ = {};
  positive_.clear();
  negative_.clear();
  return taken;
}

void ChunkEncoder::AddFloat(TimestampMs t, double v) {
  if (empty()) {
    chunk_.encoding = Encoding::kXor;
    bits_.Varint(t);
    bits_.Double(v);
  } else {
    const int64_t step = t - chunk_.max_t;
    if (chunk_.samples == 1) {
      bits_.Uvarint(static_cast<uint64_t>(step));
    } else {
      PutTimeStep(bits_, step - step_);
    }
    step_ = step;
    window_.Write(bits_, v, v_);
  }
  v_ = v;
}

void ChunkEncoder::AddHistogram(TimestampMs t, const Histogram& given) {
  Histogram stale;
  stale.is_float = AsFloats(given);
  stale.sum = given.sum;
  const Histogram& h = given.is_stale() ? stale : given;
  if (empty()) {
    BeginHistograms(h);
    bits_.VarbitInt(t);
  } else {
    const int64_t step = t - chunk_.max_t;
    bits_.VarbitInt(step - step_);
    step_ = step;
  }
  if (chunk_.encoding == Encoding::kFloatHistogram) {
    AddDoubles(h);
  } else {
    AddIntegers(h);
  }
  stale_ = h.is_stale();
  if (!stale_ || empty()) last_ = h;
}

void ChunkEncoder::BeginHistograms(const Histogram& h) {
  chunk_.encoding = AsFloats(h) ? Encoding::kFloatHistogram : Encoding::kHistogram;
  bits_.Bits(Header(h), 8);
  PutZeroThreshold(bits_, h.zero_threshold);
  bits_.VarbitInt(h.schema);
  PutSpans(h.positive_spans);
  PutSpans(h.negative_spans);
  if (h.schema == kCustomBucketsSchema) {
    bits_.VarbitUint(h.custom_values.size());
    for (const double bound : h.custom_values) PutBound(bits_, bound);
  }
  positive_.resize(h.positive_buckets.size());
  negative_.resize(h.negative_buckets.size());
}

void ChunkEncoder::PutSpans(const std::vector<HistogramSpan>& spans) {
  bits_.VarbitUint(spans.size());
  for (const HistogramSpan& span : spans) {
    bits_.VarbitUint(span.length);
    bits_.VarbitInt(span.offset);
  }
}

void ChunkEncoder::PutInteger(Bucket& column, int64_t value) {
  if (empty()) {
    bits_.VarbitInt(value);
  } else {
    const int64_t step = value - column.count;
    bits_.VarbitInt(step - column.step);
    column.step = step;
  }
  column.count = value;
}

void ChunkEncoder::PutDouble(Bucket& column, double value) {
  if (empty()) {
    bits_.Double(value);
  } else {
    column.window.Write(bits_, value, column.value);
  }
  column.value = value;
}

void ChunkEncoder::AddIntegers(const Histogram& h) {
  const auto count = static_cast<int64_t>(h.count), zero = static_cast<int64_t>(h.zero_count);
  if (empty()) {
    bits_.VarbitUint(static_cast<uint64_t>(count));
    bits_.VarbitUint(static_cast<uint64_t>(zero));
    count_.count = count;
    zero_count_.count = zero;
  } else if (h.is_stale()) {
    bits_.VarbitInt(0);
    bits_.VarbitInt(0);
  } else {
    PutInteger(count_, count);
    PutInteger(zero_count_, zero);
  }
  PutDouble(sum_, h.sum);
  const auto side = [this](const std::vector<double>& counts, std::vector<Bucket>& columns) {
    int64_t before = 0;
    for (size_t i = 0; i < counts.size() && i < columns.size(); ++i) {
      const auto bucket = static_cast<int64_t>(counts[i]);
      PutInteger(columns[i], bucket - before);
      before = bucket;
    }
  };
  side(h.positive_buckets, positive_);
  side(h.negative_buckets, negative_);
}

void ChunkEncoder::AddDoubles(const Histogram& h) {
  PutDouble(count_, h.count);
  PutDouble(zero_count_, h.zero_count);
  PutDouble(sum_, h.sum);
  for (size_t i = 0; i < h.positive_buckets.size() && i < positive_.size(); ++i)
    PutDouble(positive_[i], h.positive_buckets[i]);
  for (size_t i = 0; i < h.negative_buckets.size() && i < negative_.size(); ++i)
    PutDouble(negative_[i], h.negative_buckets[i]);
}

}  // namespace slowburn::tsdb::prom
