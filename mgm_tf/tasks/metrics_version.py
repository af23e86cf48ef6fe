"""The number of the rules by which metrics are computed; kept with every result."""

# What each version changed:
#   1  `mad` of surface normals is of unit vectors, coded in the axes of this program.
#      Records of this version have no number.
#   2  `mad` is of the network's coded output as it is, in AdaShare's axes
#      (`metrics.paper_coded`). Nothing else changed.
METRICS_VERSION = 2
