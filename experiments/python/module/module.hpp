// The parts of the module.
#pragma once

#include <nanobind/nanobind.h>

namespace bcbench::python {

void add_correct(nanobind::module_& module);
void add_score(nanobind::module_& module);

}  // namespace bcbench::python
