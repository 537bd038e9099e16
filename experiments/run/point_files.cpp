#include "experiments/run/point_files.hpp"

#include "experiments/bindings/training_fields.hpp"

namespace bcbench {

FilesOfPoint files_of(const Point& point, const Config& config) {
    return {config.outputs.keeps_embeddings(), saves_model(point.train), config.outputs.per_cell};
}

}  // namespace bcbench
