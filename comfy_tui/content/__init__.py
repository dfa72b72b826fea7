"""What a file is and holds, told by its bytes: kinds, facts, sounds, videos.  No network."""
