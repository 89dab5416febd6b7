// topk, bottomk, limitk and limit_ratio: aggregations that hand on some of their input.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "query/exec/aggregate.h"
#include "query/exec/grouping.h"
#include "query/histogram/buckets.h"
#include "query/parser/quote.h"
#include "tsdb/hash.h"

namespace slowburn::query {
namespace {

constexpr uint64_t kWorkPerValue = 64;  // its text, its label set and a look-up

struct Candidate {
  double v;
  size_t series;
};

// A heap with the worst candidate on top. It moves elements as Go's container/heap does, so that
// among equal values the same ones stay.
class WorstFirst {
 public:
  WorstFirst(bool largest_wins, std::vector<Candidate>& items)
      : largest_(largest_wins), items_(items) {}

  // a is worse than b. NaN is worst.
  bool Worse(const Candidate& a, const Candidate& b) const {
    if (std::isnan(a.v)) return true;
    return largest_ ? a.v < b.v : a.v > b.v;
  }

  void Offer(const Candidate& c, size_t k) {
    if (items_.size() < k) {
      items_.push_back(c);
      Up(items_.size() - 1);
      return;
    }
    const double worst = items_[0].v;
    const bool better = largest_ ? worst < c.v : worst > c.v;
    if (!better && !(std::isnan(worst) && !std::isnan(c.v))) return;
    items_[0] = c;
    Down(0);
  }

  void SortBestFirst() {
    std::stable_sort(items_.begin(), items_.end(), [this](const Candidate& a, const Candidate& b) {
      if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v) && std::isnan(b.v);
      return largest_ ? a.v > b.v : a.v < b.v;
    });
  }

 private:
  void Up(size_t j) {
    while (j > 0) {
      const size_t parent = (j - 1) / 2;
      if (!Worse(items_[j], items_[parent])) break;
      std::swap(items_[parent], items_[j]);
      j = parent;
    }
  }
  void Down(size_t i) {
    while (true) {
      size_t child = 2 * i + 1;
      if (child >= items_.size()) break;
      if (child + 1 < items_.size() && Worse(items_[child + 1], items_[child])) ++child;
      if (!Worse(items_[child], items_[i])) break;
      std::swap(items_[i], items_[child]);
      i = child;
    }
  }

  const bool largest_;
  std::vector<Candidate>& items_;
};

class SelectingAggregate final : public BlockOperator {
 public:
  SelectingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                     OperatorPtr parameter)
      : BlockOperator(ctx, node.timeline),
        node_(node),
        inner_(Adopt(std::move(inner))),
        parameter_(Adopt(std::move(parameter))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    ASSIGN_OR_RETURN(const Column parameter, ReadScalar(parameter_));
    RETURN_IF_ERROR(inner_.Open());
    ASSIGN_OR_RETURN(Block input, ReadAll(inner_));
    ASSIGN_OR_RETURN(const bool any, CheckParameter(parameter.values));
    if (!any) return Block();
    const Grouping grouping = GroupSeries(input.series, node_);
    RETURN_IF_ERROR(HoldColumns(input.size()));
    Block out;
    out.series = input.series;
    out.columns.resize(input.size());
    for (size_t i = 0; i < input.size(); ++i) {
      out.columns[i].Reset(timeline_.steps());
      out.columns[i].drop_name = input.columns[i].drop_name;
    }
    unique_ = inner_.series_are_unique();
    std::vector<std::vector<Candidate>> groups(grouping.groups.size());
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      for (auto& group : groups) group.clear();
      Choose(input, grouping, step, parameter.values[step], groups);
      for (const auto& group : groups) {
        for (const Candidate& c : group)
          out.columns[c.series].SetFrom(step, input.columns[c.series]);
      }
    }
    if (timeline_.is_range()) return out;
    return InOrder(std::move(out), groups);
  }

  // False: nothing can be chosen at any step.
  absl::StatusOr<bool> CheckParameter(const std::vector<double>& values) {
    double least = std::numeric_limits<double>::max(), greatest = -least;
    bool nan = false;
    for (const double v : values) {
      nan |= std::isnan(v);
      least = std::min(least, v);
      greatest = std::max(greatest, v);
    }
    if (values.empty()) return false;
    const bool ratio = node_.op == AggregateOp::kLimitRatio;
    if (ratio ? !nan && greatest == 0 && least == 0 : !nan && greatest < 1) return false;
    if (nan) {
      return absl::FailedPreconditionError(ratio ? "Ratio value is NaN" : "Parameter value is NaN");
    }
    if (ratio) {
      const Position position = node_.parameter->position;
      if (greatest > 1) ctx_.notes.Add(InvalidRatio(greatest, 1), position);
      if (least < -1) ctx_.notes.Add(InvalidRatio(least, -1), position);
      return true;
    }
    constexpr double kLimit = 9223372036854775808.0;  // 2^63
    if (least <= -kLimit) return OutOfRange(least, "underflows");
    if (greatest >= kLimit) return OutOfRange(greatest, "overflows");
    return true;
  }

  static absl::Status OutOfRange(double v, const char* how) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Scalar value ", base::FormatFloat(v, base::FloatStyle::kGeneral), " ", how, " int64"));
  }

  void Choose(const Block& input, const Grouping& grouping, size_t step, double parameter,
              std::vector<std::vector<Candidate>>& groups) {
    const bool ratio = node_.op == AggregateOp::kLimitRatio;
    const size_t k = ratio || parameter < 1 ? 0 : size_t(std::min(parameter, double(input.size())));
    if (ratio ? parameter == 0 : k == 0) return;
    for (size_t i = 0; i < input.size(); ++i) {
      const Column& column = input.columns[i];
      if (!column.present.Test(step)) continue;
      std::vector<Candidate>& group = groups[grouping.group_of[i]];
      const Candidate candidate{column.values[step], i};
      switch (node_.op) {
        case AggregateOp::kLimitk:
          if (group.size() < k) group.push_back(candidate);
          break;
        case AggregateOp::kLimitRatio:
          if (InRatio(input.series[i], std::clamp(parameter, -1.0, 1.0)))
            group.push_back(candidate);
          break;
        default:
          if (column.HistogramAt(step) != nullptr) {
            ctx_.notes.Add(HistogramIgnoredInAggregation(Name(node_.op)), node_.position);
          } else {
            WorstFirst(node_.op == AggregateOp::kTopk, group).Offer(candidate, k);
          }
      }
    }
  }

  // A series' place in [0, 1) is the hash of its labels as Prometheus keeps them: each text after
  // its length. A negative ratio takes the other end, so that r and r - 1 complement each other.
  static bool InRatio(const tsdb::Labels& labels, double ratio) {
    std::string bytes;
    for (const tsdb::LabelView label : labels) {
      AppendWithLength(label.name, bytes);
      AppendWithLength(label.value, bytes);
    }
    const double place =
        double(tsdb::XxHash64(bytes)) / double(std::numeric_limits<uint64_t>::max());
    return ratio >= 0 ? place < ratio : place >= 1 + ratio;
  }

  static void AppendWithLength(std::string_view text, std::string& out) {
    if (text.size() < 255) {
      out += char(text.size());
    } else {
      out += '\xff';
      for (int shift = 0; shift < 24; shift += 8) out += char(text.size() >> shift);
    }
    out += text;
  }

  // An instant query sees groups one after the other, the best first.
  Block InOrder(Block all, std::vector<std::vector<Candidate>>& groups) const {
    Block out;
    for (auto& group : groups) {
      if (node_.op == AggregateOp::kTopk || node_.op == AggregateOp::kBottomk) {
        WorstFirst(node_.op == AggregateOp::kTopk, group).SortBestFirst();
      }
      for (const Candidate& c : group) {
        out.series.push_back(all.series[c.series]);
        out.columns.push_back(std::move(all.columns[c.series]));
      }
    }
    return out;
  }

  const AggregateNode& node_;
  Operator& inner_;
  Operator& parameter_;
};

class CountValues final : public BlockOperator {
 public:
  CountValues(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner)
      : BlockOperator(ctx, node.timeline),
        node_(node),
        label_(As<StringNode>(*node.parameter).value),
        inner_(Adopt(std::move(inner))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(CheckLabel());
    unique_ = true;
    RETURN_IF_ERROR(inner_.Open());
    std::vector<std::string> names = node_.grouping;
    if (!node_.without) names.push_back(label_);
    const Grouper grouper(std::move(names), node_.without);
    Block block;
    std::unordered_map<tsdb::Labels, size_t> index;
    Column column;
    for (size_t i = 0; i < inner_.series().size(); ++i) {
      RETURN_IF_ERROR(inner_.Read(i, column));
      tsdb::LabelsBuilder builder(inner_.series()[i]);
      std::optional<size_t> last;  // values tend to repeat from step to step
      size_t last_step = 0;
      absl::Status status;
      column.present.ForEach([&](size_t step) {
        if (!status.ok()) return;
        if (!last || !SamePoint(column, step, last_step)) {
          builder.Set(label_, ValueText(column, step));
          tsdb::Labels labels = grouper.LabelsOf(builder.Build());
          const auto [it, fresh] = index.try_emplace(std::move(labels), block.size());
          if (!ctx_.meter.Spend(kWorkPerValue)) status = ctx_.meter.status();
          if (fresh) {
            if (status.ok()) status = HoldColumns(1);
            if (!status.ok()) return;
            block.series.push_back(it->first);
            block.columns.emplace_back().Reset(timeline_.steps());
          }
          last = it->second;
        }
        last_step = step;
        Column& counts = block.columns[*last];
        counts.SetFloat(step, counts.present.Test(step) ? counts.values[step] + 1 : 1);
      });
      RETURN_IF_ERROR(status);
    }
    return block;
  }

  absl::Status CheckLabel() const {
    if (!label_.empty() && tsdb::IsValidUtf8(label_)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("invalid label name ", GoQuote(label_)));
  }

  static bool SamePoint(const Column& column, size_t a, size_t b) {
    if (column.has_histograms()) {
      if (column.histograms[a] || column.histograms[b]) {
        return column.histograms[a] == column.histograms[b];
      }
    }
    return std::bit_cast<uint64_t>(column.values[a]) == std::bit_cast<uint64_t>(column.values[b]);
  }

  static std::string ValueText(const Column& column, size_t step) {
    if (const tsdb::Histogram* h = column.HistogramAt(step)) return Describe(*h);
    return base::FormatFloat(column.values[step], base::FloatStyle::kFixed);
  }

  const AggregateNode& node_;
  const std::string label_;
  Operator& inner_;
};

}  // namespace

OperatorPtr NewSelectingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                                  OperatorPtr parameter) {
  return std::make_unique<SelectingAggregate>(ctx, node, std::move(inner), std::move(parameter));
}

OperatorPtr NewCountValues(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner) {
  return std::make_unique<CountValues>(ctx, node, std::move(inner));
}

}  // namespace slowburn::query
