# Language level, warnings, linker, compiler cache and sanitizers: the same for every folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(SLOWBURN_FUZZ "build the libFuzzer targets" OFF)
set(SLOWBURN_SANITIZE "" CACHE STRING "comma-separated sanitizers, e.g. address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
                    -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside inlined std::string and std::optional code at -O2.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
                      -Wno-array-bounds -Wno-free-nonheap-object)
  add_compile_options(-Wno-missing-field-initializers)
endif()
if(SLOWBURN_SANITIZE)
  add_compile_options(-fsanitize=${SLOWBURN_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLOWBURN_SANITIZE})
endif()
if(SLOWBURN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-error)
  add_link_options(-fsanitize=address,undefined)
endif()
