// VerifyBlock: reads all of a block and checks that its parts fit together.
//
// Threads: none of its own. Errors: kDataLoss says what is damaged.
#ifndef SLOWBURN_TSDB_BLOCK_VERIFY_H_
#define SLOWBURN_TSDB_BLOCK_VERIFY_H_

#include "absl/status/status.h"
#include "tsdb/block.h"

namespace slowburn::tsdb {

absl::Status VerifyBlock(const Block& block);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_VERIFY_H_
