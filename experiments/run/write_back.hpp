// outputs.h5ad: a copy of each dataset's file with the corrected cells and metrics of its points.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiments/bindings/datasets.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/results/directory.hpp"

namespace bcbench {

/// Made before the points are run, so that a file that changes meanwhile is noticed.
class WayBackFiles {
  public:
    /// Removes the copies that an earlier run wrote of the datasets of the points `indices`. Does nothing, here and
    /// later, unless the config asks for such files.
    WayBackFiles(const Plan& plan, const std::vector<std::uint64_t>& indices, const ResultsDirectory& results);

    /// Writes embeddings/<dataset>.h5ad of every dataset that has a way back, with those of its `records` that are ok.
    /// What cannot be written is returned, a sentence each.
    std::vector<std::string> write(const std::vector<PointRecord>& records) const;

  private:
    struct File {
        std::string type;
        DatasetSettings settings;
        std::string stamp;                // of the file as the run found it
        std::vector<std::string> points;  // ids
    };
    void write(const std::string& dataset, const File& file, const std::vector<const PointRecord*>& records) const;

    const Plan& plan_;
    const ResultsDirectory& results_;
    std::map<std::string, File> files_;              // by id of the dataset
    std::map<std::string, std::string> dataset_of_;  // by id of the point
};

}  // namespace bcbench
