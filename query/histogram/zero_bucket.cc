#include "query/histogram/zero_bucket.h"

#include <utility>
#include <vector>

#include "query/histogram/kahan.h"

namespace slowburn::query {
namespace {

// Adds the buckets that begin below the threshold. Returns the upper end of the populated one that
// it cuts, else 0.
double AbsorbSide(const Histogram& h, Side side, double threshold, KahanSum& count) {
  std::vector<Bucket> buckets;
  SideBuckets(h, side, buckets);
  for (const Bucket& b : buckets) {
    const double inner = side == Side::kPositive ? b.lower : -b.upper;
    const double outer = side == Side::kPositive ? b.upper : -b.lower;
    if (inner >= threshold) break;
    count.Add(b.count);
    if (outer > threshold) return b.count != 0 ? outer : 0;
  }
  return 0;
}

// Takes out what the zero bucket has swallowed.
void DropInner(std::vector<HistogramSpan>& spans, std::vector<double>& buckets, int32_t schema,
               double threshold, std::vector<double>* compensation, KahanSum* swallowed) {
  const IndexedBuckets all = Indexed(spans, buckets);
  IndexedBuckets kept;
  std::vector<double> kept_compensation;
  for (size_t i = 0; i < all.size(); ++i) {
    if (UpperBound(all.index[i] - 1, schema, {}) < threshold) {
      if (compensation && swallowed) swallowed->Add((*compensation)[i]);
      continue;
    }
    kept.Append(all.index[i], all.count[i]);
    if (compensation) kept_compensation.push_back((*compensation)[i]);
  }
  spans = SpansOf(kept.index);
  buckets = std::move(kept.count);
  if (compensation) *compensation = std::move(kept_compensation);
}

void Widen(Histogram& h, Histogram* c, double threshold) {
  const WidenedZero zero = WidenZeroBucket(h, threshold);
  h.zero_count = zero.count;
  h.zero_threshold = zero.threshold;
  KahanSum lost{c ? c->zero_count : 0, 0};
  DropInner(h.positive_spans, h.positive_buckets, h.schema, zero.threshold,
            c ? &c->positive_buckets : nullptr, &lost);
  DropInner(h.negative_spans, h.negative_buckets, h.schema, zero.threshold,
            c ? &c->negative_buckets : nullptr, &lost);
  if (c) c->zero_count = lost.total();
}

}  // namespace

WidenedZero WidenZeroBucket(const Histogram& h, double threshold) {
  if (threshold == h.zero_threshold) return {threshold, h.zero_count};
  while (true) {
    KahanSum count{h.zero_count, 0};
    const double positive_end = AbsorbSide(h, Side::kPositive, threshold, count);
    if (positive_end > threshold) threshold = positive_end;
    const double negative_end = AbsorbSide(h, Side::kNegative, threshold, count);
    if (negative_end <= threshold) return {threshold, count.total()};
    threshold = negative_end;  // now more positive buckets may be inside
  }
}

double ReconcileZeroBuckets(Histogram& to, Histogram* c, const Histogram& other) {
  WidenedZero theirs{other.zero_threshold, other.zero_count};
  while (theirs.threshold != to.zero_threshold) {
    if (theirs.threshold < to.zero_threshold) theirs = WidenZeroBucket(other, to.zero_threshold);
    if (theirs.threshold > to.zero_threshold) Widen(to, c, theirs.threshold);
  }
  return theirs.count;
}

}  // namespace slowburn::query
