// Checkpoints: long computations ask here, between pieces of work, whether they shall go on. The engine knows
// neither clocks nor limits; who starts a computation decides what is asked.
#pragma once

#include <functional>

namespace bcbench {

/// While it lives, checkpoints of this thread, and of the parallel loops it starts, call `ask`, which ends
/// the computation by throwing. `ask` is called often and from several threads at once. Scopes nest; the
/// inner one counts.
class CheckpointScope {
  public:
    explicit CheckpointScope(std::function<void()> ask);
    ~CheckpointScope();
    CheckpointScope(const CheckpointScope&) = delete;
    CheckpointScope& operator=(const CheckpointScope&) = delete;

  private:
    std::function<void()> ask_;
    const std::function<void()>* outer_;
};

/// Asks whether to go on; throws what the scope's `ask` throws. Nothing happens outside a scope. parallel_for
/// calls it before each piece of work.
void checkpoint();

/// What checkpoints of this thread call, or nullptr: parallel_for hands it to its threads.
const std::function<void()>* current_checkpoint();
void set_current_checkpoint(const std::function<void()>* ask);

}  // namespace bcbench
