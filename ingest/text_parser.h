// The Prometheus text format: 0.0.4, and 1.0.0 with its quoted UTF-8 names. See exposition.h.
#ifndef SLOWBURN_INGEST_TEXT_PARSER_H_
#define SLOWBURN_INGEST_TEXT_PARSER_H_

#include <memory>
#include <string_view>

#include "ingest/exposition.h"

namespace slowburn::ingest {

std::unique_ptr<ExpositionParser> NewTextParser(std::string_view body);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_TEXT_PARSER_H_
