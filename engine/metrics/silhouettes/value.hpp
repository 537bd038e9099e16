// The silhouette of one cell (Rousseeuw 1987).
#pragma once

#include <algorithm>

namespace bcbench {

/// (b - a) / max(a, b) of mean distances a >= 0 inside the cell's group and b >= 0 to the other group or groups; 0
/// where both are 0.
inline double silhouette_value(double a, double b) {
    const double larger = std::max(a, b);
    return larger > 0.0 ? (b - a) / larger : 0.0;
}

}  // namespace bcbench
