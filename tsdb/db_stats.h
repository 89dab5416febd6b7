// The figures of /api/v1/status/tsdb, from a head.
#ifndef SLOWBURN_TSDB_DB_STATS_H_
#define SLOWBURN_TSDB_DB_STATS_H_

#include <cstddef>

#include "tsdb/db.h"
#include "tsdb/head.h"

namespace slowburn::tsdb {

// All but the sizes on disk. Looks at every label pair.
DbStats HeadStats(const Head& head, size_t limit);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DB_STATS_H_
