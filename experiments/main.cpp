#include "experiments/commands.hpp"

int main(int argc, char** argv) { return bcbench::run_command_line(argc, argv); }
