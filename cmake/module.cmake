# slowburn_module(NAME PUBLIC hdr… SRCS src… USES folder… LIBS target…)
#   One static library per folder. PUBLIC lists the headers that other folders may include: they are the folder's design.
#   USES is checked against the ALLOW table of the top CMakeLists.txt; tests/tidy checks the #includes against both.
function(slowburn_module name)
  cmake_parse_arguments(M "" "" "PUBLIC;SRCS;USES;LIBS" ${ARGN})
  foreach(dep IN LISTS M_USES)
    if(NOT dep IN_LIST ALLOW_${name})
      message(FATAL_ERROR "${name} may not use ${dep}: see the ALLOW table in CMakeLists.txt and ARCHITECTURE.md")
    endif()
  endforeach()
  add_library(${name} STATIC ${M_SRCS})
  add_library(slowburn::${name} ALIAS ${name})
  list(TRANSFORM M_USES PREPEND slowburn::)   # a folder that does not exist is then an error, not -lname
  foreach(header IN LISTS M_PUBLIC)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
      message(FATAL_ERROR "${name}/CMakeLists.txt lists ${header}, which does not exist")
    endif()
  endforeach()
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${M_USES} ${M_LIBS})
  # An upward include, or one of another folder's private header, fails the build itself.
  add_custom_target(direction_${name}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/tidy/tidy.py
            --root ${PROJECT_SOURCE_DIR} --only includes --folder ${name}
    COMMENT "Checking what ${name} includes" VERBATIM)
  add_dependencies(${name} direction_${name})
endfunction()

find_package(Python3 REQUIRED COMPONENTS Interpreter)

# slowburn_test(NAME SRCS src… USES folder… [LIBS target…])
#   A GoogleTest binary `NAME`; each of its tests is a ctest of its own.
function(slowburn_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SRCS;USES;LIBS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  add_executable(${name} ${T_SRCS})
  list(TRANSFORM T_USES PREPEND slowburn::)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${T_USES} test_support ${T_LIBS} GTest::gtest_main GTest::gmock)
  # What is tested is optimised; the tests themselves only have to compile quickly.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  gtest_discover_tests(${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT ${T_TIMEOUT})
endfunction()

# slowburn_fuzz(NAME SRCS src… USES folder…)
#   With the fuzz preset: a libFuzzer target. Otherwise a small program that replays the corpus files given to it.
add_custom_target(fuzzers)
function(slowburn_fuzz name)
  cmake_parse_arguments(F "" "" "SRCS;USES" ${ARGN})
  list(TRANSFORM F_USES PREPEND slowburn::)
  if(SLOWBURN_FUZZ)
    add_executable(${name} ${F_SRCS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${F_SRCS} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${F_USES} test_support)
  add_dependencies(fuzzers ${name})
endfunction()
