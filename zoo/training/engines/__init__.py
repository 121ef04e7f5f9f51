"""Engines that take optimizer steps: a plain loop, stacked and compiled fleets, and their choice by timing."""
