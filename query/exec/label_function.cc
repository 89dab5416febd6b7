#include "query/exec/label_function.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/regex.h"
#include "base/status_macros.h"
#include "query/limits.h"

namespace slowburn::query {
namespace {

constexpr uint64_t kWorkPerSeries = 256;  // a regular expression, a label set
constexpr uint64_t kWorkPerByte = 4;      // of a value that is looked at or made

bool IsLabelName(const std::string& name) { return !name.empty() && tsdb::IsValidUtf8(name); }

const std::string& Text(const CallNode& call, size_t i) {
  return As<StringNode>(*call.args[i]).value;
}

// Changes the label sets and passes values on.
class Relabel : public Operator {
 protected:
  Relabel(QueryContext& ctx, const CallNode& call, OperatorPtr vector)
      : Operator(ctx, call.timeline),
        call_(call),
        vector_(Adopt(std::move(vector))),
        values_held_(ctx.memory) {}

  virtual absl::Status CheckArguments() = 0;
  // What the destination becomes; nullopt: stays as it is. Longer than kMaxLabelValueBytes: it
  // would be, and only a beginning of it was made.
  virtual std::optional<std::string> NewValue(const tsdb::Labels& labels) const = 0;

  const std::string& destination() const { return Text(call_, 1); }
  const CallNode& call_;

 private:
  absl::Status DoOpen() override {
    RETURN_IF_ERROR(CheckArguments());
    RETURN_IF_ERROR(vector_.Open());
    unique_ = vector_.series_are_unique();
    for (const tsdb::Labels& labels : vector_.series()) {
      const std::optional<std::string> value = NewValue(labels);
      if (!ctx_.meter.Spend(kWorkPerSeries)) return ctx_.meter.status();
      changed_.push_back(value.has_value());
      if (!value) {
        series_.push_back(labels);
        continue;
      }
      if (value->size() > kMaxLabelValueBytes) return TooLong();
      unique_ = false;
      series_.push_back(tsdb::LabelsBuilder(labels).Set(destination(), *value).Build());
      RETURN_IF_ERROR(HoldText(series_.back()));
    }
    return absl::OkStatus();
  }

  // Beyond what any label set is counted as.
  absl::Status HoldText(const tsdb::Labels& labels) {
    size_t bytes = 0;
    for (const tsdb::LabelView label : labels) bytes += label.name.size() + label.value.size();
    if (!ctx_.meter.Spend(kWorkPerByte * bytes)) return ctx_.meter.status();
    const size_t counted = BytesOfLabels(1);
    return values_held_.Add(bytes > counted ? bytes - counted : 0);
  }

  absl::Status TooLong() const {
    return absl::ResourceExhaustedError(
        absl::StrCat(std::string(call_.function->name), "() would make a value of the label ", destination(),
                     " that is longer than ", kMaxLabelValueBytes, " bytes"));
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(vector_.Read(i, out));
    // A name that was set on purpose stays.
    if (changed_[i] && destination() == tsdb::kMetricName) out.drop_name = false;
    return absl::OkStatus();
  }

  Operator& vector_;
  std::vector<bool> changed_;
  MemoryHold values_held_;
};

class LabelReplace final : public Relabel {
 public:
  LabelReplace(QueryContext& ctx, const CallNode& call, OperatorPtr vector)
      : Relabel(ctx, call, std::move(vector)) {}

 private:
  absl::Status CheckArguments() override {
    absl::StatusOr<base::Regex> regex = base::Regex::Compile(Text(call_, 4));
    if (!regex.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("invalid regular expression in label_replace(): ", Text(call_, 4)));
    }
    regex_ = *std::move(regex);
    if (!IsLabelName(destination())) {
      return absl::FailedPreconditionError(
          absl::StrCat("invalid destination label name in label_replace(): ", destination()));
    }
    return absl::OkStatus();
  }

  std::optional<std::string> NewValue(const tsdb::Labels& labels) const override {
    return regex_->Expand(labels.Get(Text(call_, 3)), Text(call_, 2), kMaxLabelValueBytes);
  }

  std::optional<base::Regex> regex_;
};

class LabelJoin final : public Relabel {
 public:
  LabelJoin(QueryContext& ctx, const CallNode& call, OperatorPtr vector)
      : Relabel(ctx, call, std::move(vector)) {}

 private:
  absl::Status CheckArguments() override {
    for (size_t i = 3; i < call_.args.size(); ++i) {
      if (IsLabelName(Text(call_, i))) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("invalid source label name in label_join(): ", Text(call_, i)));
    }
    if (IsLabelName(destination())) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("invalid destination label name in label_join(): ", destination()));
  }

  std::optional<std::string> NewValue(const tsdb::Labels& labels) const override {
    std::string joined;
    for (size_t i = 3; i < call_.args.size() && joined.size() <= kMaxLabelValueBytes; ++i) {
      if (i > 3) joined += Text(call_, 2);
      joined += labels.Get(Text(call_, i));
    }
    return joined;
  }
};

}  // namespace

OperatorPtr NewLabelReplace(QueryContext& ctx, const CallNode& call, OperatorPtr vector) {
  return std::make_unique<LabelReplace>(ctx, call, std::move(vector));
}

OperatorPtr NewLabelJoin(QueryContext& ctx, const CallNode& call, OperatorPtr vector) {
  return std::make_unique<LabelJoin>(ctx, call, std::move(vector));
}

}  // namespace slowburn::query
