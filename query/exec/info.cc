#include "query/exec/info.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/exec/merge.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/selector.h"

namespace slowburn::query {
namespace {

using tsdb::Matcher;
using tsdb::Matchers;

constexpr std::string_view kTargetInfo = "target_info";
constexpr std::string_view kIdentifying[] = {"instance", "job"};
constexpr size_t kNobody = ~size_t{0};

std::string QuoteForRegex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || static_cast<unsigned char>(c) >= 0x80;
    if (!plain) out += '\\';
    out += c;
  }
  return out;
}

bool IsPositive(const Matcher& m) {
  return m.op() == Matcher::Op::kEqual || m.op() == Matcher::Op::kRegex;
}

class Info final : public BlockOperator {
 public:
  Info(QueryContext& ctx, const InfoNode& node, OperatorPtr inner)
      : BlockOperator(ctx, node.timeline), node_(node), inner_(Adopt(std::move(inner))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(inner_.Open());
    ASSIGN_OR_RETURN(base_, ReadAll(inner_));
    RETURN_IF_ERROR(SplitMatchers());
    for (const tsdb::Labels& labels : base_.series) {
      const std::string_view name = labels.metric_name();
      is_info_.push_back(
          std::ranges::all_of(name_matchers_, [&](const Matcher& m) { return m.Matches(name); }));
    }
    RETURN_IF_ERROR(ReadInfoSeries());
    IndexSignatures();
    choices_.resize(base_.size());
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      RETURN_IF_ERROR(ctx_.CheckAlive());
      RETURN_IF_ERROR(FindNewest(step));
      for (size_t i = 0; i < base_.size(); ++i) {
        if (base_.columns[i].present.Test(step)) RETURN_IF_ERROR(Enrich(i, step));
      }
    }
    unique_ = true;
    return std::move(out_);
  }

  // Which metrics are looked at, and which of their labels.
  absl::Status SplitMatchers() {
    for (const Matcher& m : node_.matchers) {
      (m.name() == tsdb::kMetricName ? name_matchers_ : data_matchers_).push_back(m);
    }
    if (name_matchers_.empty()) {
      name_matchers_.push_back(Matcher::Equal(tsdb::kMetricName, kTargetInfo));
    } else if (std::ranges::none_of(name_matchers_, IsPositive)) {
      ASSIGN_OR_RETURN(Matcher all,
                       Matcher::Create(Matcher::Op::kRegex, tsdb::kMetricName, ".+_info"));
      name_matchers_.insert(name_matchers_.begin(), std::move(all));
    }
    for (const Matcher& m : data_matchers_) data_labels_.insert(m.name());
    return absl::OkStatus();
  }

  absl::Status ReadInfoSeries() {
    std::map<std::string_view, std::set<std::string_view>> values;
    for (size_t i = 0; i < base_.size(); ++i) {
      if (is_info_[i] || !base_.columns[i].present.Any()) continue;
      for (const std::string_view name : kIdentifying) {
        const std::string_view value = base_.series[i].Get(name);
        if (!value.empty()) values[name].insert(value);
      }
    }
    if (values.empty()) return absl::OkStatus();
    selector_ = std::make_unique<SelectorNode>(ValueType::kVector, node_.position, timeline_);
    selector_->reference = node_.reference;
    selector_->lookback = node_.lookback;
    for (const auto& [name, alternatives] : values) {
      std::string pattern;
      for (const std::string_view value : alternatives) {
        if (!pattern.empty()) pattern += '|';
        pattern += QuoteForRegex(value);
      }
      ASSIGN_OR_RETURN(Matcher m, Matcher::Create(Matcher::Op::kRegex, name, pattern));
      selector_->matchers.push_back(std::move(m));
    }
    for (const Matchers* more : {&data_matchers_, &name_matchers_}) {
      selector_->matchers.insert(selector_->matchers.end(), more->begin(), more->end());
    }
    const OperatorPtr op = NewInstantSelector(ctx_, *selector_, SampleField::kInfoTimestamp);
    RETURN_IF_ERROR(op->Open());
    ASSIGN_OR_RETURN(info_, ReadAll(*op));
    op->Release();
    return absl::OkStatus();
  }

  static std::string IdentityOf(const tsdb::Labels& labels) {
    std::string out;
    for (const std::string_view name : kIdentifying) {
      out += labels.Get(name);
      out += '\xff';  // in no UTF-8 text
    }
    return out;
  }

  // Numbers the pairs of info metric and identity.
  void IndexSignatures() {
    std::map<std::string_view, std::unordered_map<std::string, size_t>> by_metric;
    for (const tsdb::Labels& labels : info_.series) {
      auto& identities = by_metric[labels.metric_name()];
      const auto [it, fresh] = identities.try_emplace(IdentityOf(labels), signatures_);
      if (fresh) ++signatures_;
      info_signature_.push_back(it->second);
    }
    base_signatures_.resize(base_.size());
    for (size_t i = 0; i < base_.size(); ++i) {
      const std::string identity = IdentityOf(base_.series[i]);
      for (const auto& [metric, identities] : by_metric) {
        const auto it = identities.find(identity);
        if (it != identities.end()) base_signatures_[i].push_back(it->second);
      }
    }
  }

  // Of each signature, the info series with the newest sample.
  absl::Status FindNewest(size_t step) {
    newest_.assign(signatures_, kNobody);
    for (size_t i = 0; i < info_.size(); ++i) {
      const Column& column = info_.columns[i];
      if (!column.present.Test(step)) continue;
      size_t& newest = newest_[info_signature_[i]];
      if (newest == kNobody) {
        newest = i;
        continue;
      }
      const double t = column.values[step], other = info_.columns[newest].values[step];
      if (t == other) return DuplicateError(newest, i, t);
      if (t > other) newest = i;
    }
    return absl::OkStatus();
  }

  absl::Status DuplicateError(size_t a, size_t b, double seconds) const {
    const auto ms = int64_t(std::llround(seconds * 1000));
    return absl::FailedPreconditionError(absl::StrCat(
        "found duplicate series for info metric: existing ", LabelsText(info_.series[a]), " @ ", ms,
        ", new ", LabelsText(info_.series[b]), " @ ", ms));
  }

  absl::Status Enrich(size_t i, size_t step) {
    std::vector<size_t> chosen;
    if (!is_info_[i]) {
      for (const size_t signature : base_signatures_[i]) {
        if (newest_[signature] != kNobody) chosen.push_back(newest_[signature]);
      }
      if (chosen.empty() && !AllMatchEmpty()) return absl::OkStatus();
    }
    Choice& choice = choices_[i];
    if (choice.target == kNobody || choice.chosen != chosen) {
      ASSIGN_OR_RETURN(choice.target, TargetFor(i, chosen));
      choice.chosen = std::move(chosen);
    }
    Column& out = out_.columns[choice.target];
    if (out.present.Test(step)) return SameLabelsetError();
    out.SetFrom(step, base_.columns[i]);
    return absl::OkStatus();
  }

  bool AllMatchEmpty() const {
    return std::ranges::all_of(data_matchers_, [](const Matcher& m) { return m.MatchesEmpty(); });
  }

  absl::StatusOr<size_t> TargetFor(size_t i, const std::vector<size_t>& chosen) {
    const tsdb::Labels& base = base_.series[i];
    std::map<std::string_view, std::string_view> added;
    for (const size_t info : chosen) {
      for (const tsdb::LabelView label : info_.series[info]) {
        if (label.name == tsdb::kMetricName) continue;
        if (!data_labels_.empty() && !data_labels_.contains(std::string(label.name))) continue;
        if (base.Has(label.name)) continue;
        const auto [it, fresh] = added.try_emplace(label.name, label.value);
        if (!fresh && it->second != label.value) {
          return absl::FailedPreconditionError(
              absl::StrCat("conflicting label: ", std::string(label.name)));
        }
      }
    }
    tsdb::LabelsBuilder builder(base);
    for (const auto& [name, value] : added) builder.Set(name, value);
    tsdb::Labels labels = builder.Build();
    const auto [it, fresh] = target_of_.try_emplace(labels, out_.size());
    if (fresh) {
      RETURN_IF_ERROR(HoldColumns(1));
      out_.series.push_back(std::move(labels));
      Column& column = out_.columns.emplace_back();
      column.Reset(timeline_.steps());
      column.drop_name = base_.columns[i].drop_name;
    }
    return it->second;
  }

  struct Choice {
    std::vector<size_t> chosen;
    size_t target = kNobody;
  };

  const InfoNode& node_;
  Operator& inner_;
  Matchers name_matchers_, data_matchers_;
  std::set<std::string> data_labels_;
  std::unique_ptr<SelectorNode> selector_;
  Block base_, info_, out_;
  std::vector<bool> is_info_;  // base series that are info series themselves: passed on as they are
  size_t signatures_ = 0;
  std::vector<size_t> info_signature_;
  std::vector<std::vector<size_t>> base_signatures_;
  std::vector<size_t> newest_;  // by signature, at the current step
  std::vector<Choice> choices_;
  std::unordered_map<tsdb::Labels, size_t> target_of_;
};

}  // namespace

OperatorPtr NewInfo(QueryContext& ctx, const InfoNode& node, OperatorPtr inner) {
  return std::make_unique<Info>(ctx, node, std::move(inner));
}

}  // namespace slowburn::query
