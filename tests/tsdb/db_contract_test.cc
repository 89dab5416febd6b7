#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Db, StorageContract, DbStore);

}  // namespace
}  // namespace slowburn::tsdb
