# Writes build_info.hpp at every build: which commit, compiler and flags a binary was made of. The file changes only when
# its content does, so that nothing is rebuilt without need.
execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse HEAD OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET RESULT_VARIABLE no_git)
if(no_git)
  set(commit "unknown")
endif()
execute_process(COMMAND git -C ${SOURCE_DIR} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
if(changes)
  set(dirty true)
else()
  set(dirty false)
endif()
string(REGEX REPLACE "([\\\"])" "\\\\\\1" FLAGS "${FLAGS}")  # as in a C++ string
set(content "#pragma once\n
#define BCBENCH_VERSION \"${VERSION}\"
#define BCBENCH_GIT_COMMIT \"${commit}\"
#define BCBENCH_GIT_DIRTY ${dirty}
#define BCBENCH_COMPILER \"${COMPILER}\"
#define BCBENCH_FLAGS \"${FLAGS}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL content)
  file(WRITE ${OUTPUT} "${content}")
endif()
