# Most of a build is reading the same headers again: they are compiled once, and ccache keeps what did not change.
set(standard_headers <algorithm> <cmath> <cstdint> <functional> <map> <memory> <optional> <span> <string> <vector>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)  # lets ccache see what a precompiled header is made of
else()
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
