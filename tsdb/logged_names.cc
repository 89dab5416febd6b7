#include "tsdb/logged_names.h"

#include <utility>

namespace slowburn::tsdb {

void LoggedNames::Clear() {
  pages_.clear();
  definitions_.clear();
  sources_.clear();
  in_record_ = false;
}

LoggedNames::Page& LoggedNames::PageOf(uint32_t id) {
  const size_t page = id / kPerPage;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (pages_[page] == nullptr) {
    pages_[page] = std::make_unique<Page>();
    pages_[page]->slots.fill(kNoSlot);
  }
  return *pages_[page];
}

uint32_t LoggedNames::DefinitionOf(uint32_t id) const {
  const size_t page = id / kPerPage;
  return page < pages_.size() && pages_[page] != nullptr ? pages_[page]->definitions[id % kPerPage]
                                                         : 0;
}

void LoggedNames::Define(const RecordParts& parts) {
  if (parts.series.empty()) return;
  std::unique_ptr<Source> source =
      spare_ != nullptr ? std::move(spare_) : std::make_unique<Source>();
  source->pairs = parts.pairs;
  source->ids.assign(parts.pairs.size(), LabelIndex::kNoPair);
  source->numbers = parts.pair_numbers;
  source->unmade = 0;
  const auto number = static_cast<uint32_t>(sources_.size());
  sources_.push_back(std::move(source));
  in_record_ = true;
  for (const RecordParts::Definition& one : parts.series) {
    Page& page = PageOf(one.id);
    page.slots[one.id % kPerPage] = kNoSlot;
    uint32_t& definition = page.definitions[one.id % kPerPage];
    if (definition != 0) --sources_[definitions_[definition - 1].source]->unmade;
    definitions_.push_back({number, one.first, one.count});
    definition = static_cast<uint32_t>(definitions_.size());
    ++sources_[number]->unmade;
  }
}

void LoggedNames::Make(std::span<const uint32_t> ids, Head& head) {
  std::vector<LoggedSeries> series;
  std::vector<uint32_t> of_series;
  for (size_t i = 0; i < ids.size();) {
    // As many as are of one source.
    uint32_t source_number = 0;
    series.clear();
    of_series.clear();
    for (; i < ids.size(); ++i) {
      const uint32_t number = DefinitionOf(ids[i]);
      if (number == 0) continue;
      const Definition& definition = definitions_[number - 1];
      if (!series.empty() && definition.source != source_number) break;
      source_number = definition.source;
      const std::span<const uint32_t> numbers(sources_[source_number]->numbers);
      series.push_back({numbers.subspan(definition.first, definition.count)});
      of_series.push_back(ids[i]);
    }
    if (series.empty()) return;
    Source& source = *sources_[source_number];
    head.MakeLogged(source.pairs, source.ids, series);
    for (size_t k = 0; k < series.size(); ++k) {
      Page& page = PageOf(of_series[k]);
      if (series[k].slot == kNoSlot) continue;
      page.slots[of_series[k] % kPerPage] = series[k].slot;
      if (std::exchange(page.definitions[of_series[k] % kPerPage], 0) != 0) --source.unmade;
    }
    const bool is_of_record = in_record_ && source_number + 1 == sources_.size();
    if (source.unmade == 0 && !is_of_record) sources_[source_number] = nullptr;
  }
}

void LoggedNames::EndRecord() {
  if (!std::exchange(in_record_, false)) return;
  Source& source = *sources_.back();
  if (source.unmade == 0) {
    spare_ = std::move(sources_.back());
    sources_.pop_back();
    return;
  }
  size_t size = 0;
  for (const LabelView& pair : source.pairs) size += pair.name.size() + pair.value.size();
  source.texts.clear();
  source.texts.reserve(size);  // views point into it
  const auto keep = [&](std::string_view text) {
    const size_t at = source.texts.size();
    source.texts += text;
    return std::string_view(source.texts).substr(at, text.size());
  };
  for (LabelView& pair : source.pairs) pair = {keep(pair.name), keep(pair.value)};
}

}  // namespace slowburn::tsdb
