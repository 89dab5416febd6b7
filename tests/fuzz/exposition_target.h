// The shared part of the fuzz targets of the exposition formats.
#ifndef SLOWBURN_TESTS_FUZZ_EXPOSITION_TARGET_H_
#define SLOWBURN_TESTS_FUZZ_EXPOSITION_TARGET_H_

#include <memory>
#include <string_view>

#include "base/check.h"
#include "ingest/exposition.h"

namespace slowburn::testing {

// Reads to the end; what is given must lie inside the body and hold what the parser promises.
inline void ReadAll(ingest::ExpositionParser& parser, std::string_view body) {
  ingest::ExpositionEntry entry;
  ingest::LabelScratch scratch;
  while (parser.Next(entry)) {
    if (entry.kind != ingest::ExpositionEntry::Kind::kSample) continue;
    CHECK(!entry.series.empty());
    CHECK(entry.series.data() >= body.data());
    CHECK(entry.series.data() + entry.series.size() <= body.data() + body.size());
    if (parser.ParseLabels(entry, scratch).ok()) {
      const tsdb::Labels labels = tsdb::Labels::FromSorted(scratch.labels);
      CHECK(!labels.metric_name().empty());
    }
    if (entry.has_exemplar) (void)parser.ParseExemplarLabels(entry, scratch);
  }
  (void)parser.status();
}

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_FUZZ_EXPOSITION_TARGET_H_
