#include "engine/core/checkpoint.hpp"

#include <utility>

namespace bcbench {

namespace {

thread_local const std::function<void()>* ask_of_this_thread = nullptr;

}  // namespace

CheckpointScope::CheckpointScope(std::function<void()> ask) : ask_(std::move(ask)), outer_(ask_of_this_thread) {
    ask_of_this_thread = &ask_;
}

CheckpointScope::~CheckpointScope() { ask_of_this_thread = outer_; }

void checkpoint() {
    if (ask_of_this_thread != nullptr) (*ask_of_this_thread)();
}

const std::function<void()>* current_checkpoint() { return ask_of_this_thread; }

void set_current_checkpoint(const std::function<void()>* ask) { ask_of_this_thread = ask; }

}  // namespace bcbench
