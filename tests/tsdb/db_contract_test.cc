#include "tests/tsdb/sealing_db_store.h"
#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Db, StorageContract, DbStore);
INSTANTIATE_TYPED_TEST_SUITE_P(SealingDb, StorageContract, SealingDbStore);
INSTANTIATE_TYPED_TEST_SUITE_P(SealingDbWithFakeBlocks, StorageContract, FakeSealingDbStore);

}  // namespace
}  // namespace slowburn::tsdb
