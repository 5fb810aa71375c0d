"""Settings of the trained stages, their profiles, and what declares and checks a setting anywhere in the project.

Imports nothing but the standard library: a planner reads it at no cost, a training machine needs nothing for it."""
