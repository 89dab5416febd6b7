// What a set of labels must keep to before the store is asked for its series. Shared by every way
// in.
//
// Threads: pure functions.
#ifndef SLOWBURN_INGEST_LABEL_CHECK_H_
#define SLOWBURN_INGEST_LABEL_CHECK_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/labels.h"

namespace slowburn::ingest {

// Names and values of an exemplar's labels together, in UTF-8 characters (OpenMetrics).
inline constexpr size_t kMaxExemplarLabelChars = 128;

// Sorts by name and takes out empty values. kInvalidArgument: a name is empty or there twice, name
// or value is not valid UTF-8, or there is no metric name; the message names the label and the
// series.
absl::Status NormalizeSeriesLabels(std::vector<tsdb::LabelView>& labels);

bool ExemplarLabelsFit(const std::vector<tsdb::LabelView>& labels);

// {a="b", …} in the given order, cut to `max_bytes`: for messages about sets that cannot be made
// Labels.
std::string DescribeLabels(const std::vector<tsdb::LabelView>& labels, size_t max_bytes = 1024);
// The text, or its first `max_bytes` (never half a character) and "…".
std::string Shorten(std::string_view text, size_t max_bytes);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_LABEL_CHECK_H_
