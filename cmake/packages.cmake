# Everything comes from Debian's packages (deploy/packages.txt); nothing is fetched at configure time.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)          # module mode: Debian ships no CONFIG file
find_package(gRPC CONFIG REQUIRED)       # also defines re2::re2
find_package(RocksDB REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)   # no version: its config has no version file
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
pkg_check_modules(SNAPPY REQUIRED IMPORTED_TARGET snappy)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(JEMALLOC IMPORTED_TARGET jemalloc)
find_library(BOOST_JSON_LIBRARY boost_json REQUIRED)
