"""Who accepts: strict parsing and checks, no native code of ours, no crash on hostile bytes."""
